"""The tutorial's caption loop in TensorFlow, as published: eager, word by word, sampled.

Requires tensorflow-cpu, which tushuo does not depend on. The weights are random; only time matters.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

EMBEDDING, UNITS = 256, 512


class Attention(tf.keras.Model):
    """Bahdanau attention; recomputes the keys for each word."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = tf.keras.layers.Dense(UNITS)
        self.query = tf.keras.layers.Dense(UNITS)
        self.energy = tf.keras.layers.Dense(1)

    def call(self, regions: tf.Tensor, hidden: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the context vector and the attention weights."""
        energy = self.energy(tf.nn.tanh(self.keys(regions) + self.query(hidden[:, None])))
        attention = tf.nn.softmax(energy, axis=1)
        return tf.reduce_sum(attention * regions, axis=1), attention


class Decoder(tf.keras.Model):
    """Embedding, attention, GRU and two output layers."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = tf.keras.layers.Embedding(vocabulary, EMBEDDING)
        self.gru = tf.keras.layers.GRU(UNITS, return_sequences=True, return_state=True)
        self.pre_output = tf.keras.layers.Dense(UNITS)
        self.output_layer = tf.keras.layers.Dense(vocabulary)
        self.attention = Attention()

    def call(
        self, word: tf.Tensor, regions: tf.Tensor, hidden: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return the next word's logits, the hidden state and the attention weights."""
        context, attention = self.attention(regions, hidden)
        inputs = tf.concat([context[:, None], self.embedding(word)], axis=-1)
        output, state = self.gru(inputs)
        output = self.pre_output(output)
        return self.output_layer(tf.reshape(output, (-1, output.shape[2]))), state, attention


def lesson_loop(regions: np.ndarray, *, words: int, vocabulary: int) -> Callable[[], list[int]]:
    """Return a function that captions one picture of stored regions with a number of words."""
    project = tf.keras.layers.Dense(EMBEDDING, activation="relu")
    decoder = Decoder(vocabulary)

    def loop() -> list[int]:
        """Sample a caption."""
        attention_map = np.zeros((words + 1, regions.shape[1]))
        hidden = tf.zeros((1, UNITS))
        projected = project(tf.constant(regions))
        word, caption = tf.expand_dims([1], 0), []
        for step in range(words + 1):
            logits, hidden, attention = decoder(word, projected, hidden)
            attention_map[step] = tf.reshape(attention, (-1,)).numpy()
            sampled = int(tf.random.categorical(logits, 1)[0][0].numpy())
            caption.append(sampled)
            word = tf.expand_dims([sampled], 0)
        return caption

    return loop
