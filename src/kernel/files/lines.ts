// Iterates over the lines of a text without building a list of all of them, which would block
// the event loop.

/** Lines without line ends. A trailing line end does not produce an empty last line. */
export function* linesOf(text: string): Generator<string> {
  let start = 0;
  while (start < text.length) {
    const end = text.indexOf('\n', start);
    yield text.slice(start, end === -1 ? undefined : end);
    if (end === -1) return;
    start = end + 1;
  }
}
