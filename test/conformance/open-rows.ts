// Owns the rows that the gateway does not hold yet, so that each run names them as skipped. A row that is held leaves this list.

const open: ReadonlySet<string> = new Set([
  'request line: a method in lower case is another method, and none that we know',
  'request line: a method that nobody knows',
  'target: health by the absolute form',
  'chunks: Connection: close among the trailers',
  'upgrade: another protocol',
  'upgrade: one of several protocols',
  'upgrade: what belongs to the connection does not pass with an upgrade either',
]);

/** Why a row is not played; false: it is. */
export function openRow(title: string, name: string): string | false {
  if (title === 'CORS') return 'CORS is not answered yet';
  return open.has(`${title}: ${name}`) && 'not held yet';
}
