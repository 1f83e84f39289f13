// Iterates over the lines of a text: a list of all of them would hold the event loop.

/** Without line ends. A text that ends with a line end has no empty last line. */
export function* linesOf(text: string): Generator<string> {
  let start = 0;
  while (start < text.length) {
    const end = text.indexOf('\n', start);
    yield text.slice(start, end === -1 ? undefined : end);
    if (end === -1) return;
    start = end + 1;
  }
}
