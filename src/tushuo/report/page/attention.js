// Attention of a word: the parts of the picture that it did not attend to are shaded.

const SHADE = 0.75; // opacity of the darkest shade
const bytes = (text) => Uint8Array.from(atob(text), (mark) => mark.charCodeAt(0));

/** The attention map of one word, one byte a cell; null where there is none. */
function attentionMap(all, place, grid) {
  if (!grid || !all) return null;
  const cells = grid.rows * grid.columns;
  const map = bytes(all).slice(place * cells, (place + 1) * cells);
  return map.length === cells ? map : null;
}

/** Draw a map on the canvas above a picture. */
function shade(canvas, image, map, grid) {
  const small = make("canvas", { width: grid.columns, height: grid.rows });
  const brush = small.getContext("2d");
  const pixels = brush.createImageData(grid.columns, grid.rows);
  const [low, high] = [Math.min(...map), Math.max(...map)];
  map.forEach((value, n) => {
    pixels.data[4 * n + 3] = 255 * SHADE * (1 - (value - low) / Math.max(high - low, 1));
  });
  brush.putImageData(pixels, 0, 0);
  // The canvas has the picture's own size: another one would leave a thin unshaded line at an edge.
  [canvas.width, canvas.height] = [image.naturalWidth || 1, image.naturalHeight || 1];
  const [x, y, w, h] = fieldOfView(canvas.width, canvas.height, grid);
  const drawn = canvas.getContext("2d");
  drawn.fillStyle = `rgb(0 0 0 / ${SHADE})`;
  drawn.fillRect(0, 0, canvas.width, canvas.height); // what the encoder does not read stays dark
  drawn.clearRect(x, y, w, h);
  drawn.imageSmoothingQuality = "high";
  drawn.drawImage(small, x, y, w, h);
}

/** The part of a picture that the grid covers: left, top, width, height. */
function fieldOfView(width, height, grid) {
  if (grid.crop === null) return [0, 0, width, height];
  const side = Math.min(width, height) * grid.crop;
  return [(width - side) / 2, (height - side) / 2, side, side];
}

const PLACES = [
  "the top left", "the top centre", "the top right", "the middle left", "the middle", "the middle right",
  "the bottom left", "the bottom centre", "the bottom right",
];

/** Describe where a map is largest, for screen readers. */
function attendedPlace(map, grid, places = PLACES) {
  const most = map.indexOf(Math.max(...map));
  const [row, column] = [Math.floor(most / grid.columns), most % grid.columns];
  return places[3 * Math.floor((3 * row) / grid.rows) + Math.floor((3 * column) / grid.columns)];
}
