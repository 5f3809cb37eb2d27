"""The lesson's caption loop in TensorFlow, faithfully: eager, word by word, drawn, state forgotten.

Wants tensorflow-cpu, which is no dependency of ours. Weights are random; time is all that counts.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

EMBEDDING, UNITS = 256, 512


class Attention(tf.keras.Model):
    """Bahdanau attention; the keys are made anew for each word."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = tf.keras.layers.Dense(UNITS)
        self.query = tf.keras.layers.Dense(UNITS)
        self.energy = tf.keras.layers.Dense(1)

    def call(self, regions: tf.Tensor, hidden: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the context and the attention."""
        energy = self.energy(tf.nn.tanh(self.keys(regions) + self.query(hidden[:, None])))
        attention = tf.nn.softmax(energy, axis=1)
        return tf.reduce_sum(attention * regions, axis=1), attention


class Speaker(tf.keras.Model):
    """Embedding, attention, GRU, two word layers."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = tf.keras.layers.Embedding(vocabulary, EMBEDDING)
        self.gru = tf.keras.layers.GRU(UNITS, return_sequences=True, return_state=True)
        self.before_words = tf.keras.layers.Dense(UNITS)
        self.words = tf.keras.layers.Dense(vocabulary)
        self.attention = Attention()

    def call(
        self, word: tf.Tensor, regions: tf.Tensor, hidden: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Take a word in, give the next one's logits, the state and the attention out."""
        context, attention = self.attention(regions, hidden)
        given = tf.concat([context[:, None], self.embedding(word)], axis=-1)
        output, state = self.gru(given)
        spoken = self.before_words(output)
        return self.words(tf.reshape(spoken, (-1, spoken.shape[2]))), state, attention


def lesson_loop(regions: np.ndarray, *, words: int, vocabulary: int) -> Callable[[], list[int]]:
    """Return a function that captions one picture of stored regions with so many words."""
    project = tf.keras.layers.Dense(EMBEDDING, activation="relu")
    speaker = Speaker(vocabulary)

    def loop() -> list[int]:
        """Speak."""
        looked = np.zeros((words + 1, regions.shape[1]))
        hidden = tf.zeros((1, UNITS))
        projected = project(tf.constant(regions))
        word, said = tf.expand_dims([1], 0), []
        for place in range(words + 1):
            logits, hidden, attention = speaker(word, projected, hidden)
            looked[place] = tf.reshape(attention, (-1,)).numpy()
            drawn = int(tf.random.categorical(logits, 1)[0][0].numpy())
            said.append(drawn)
            word = tf.expand_dims([drawn], 0)
        return said

    return loop
