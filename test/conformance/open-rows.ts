// Owns the rows that the gateway does not hold yet, so that each run names them as skipped. A row that is held leaves this list.

const open: ReadonlySet<string> = new Set([
  'request line: a method in lower case is another method, and none that we know',
  'request line: a method that nobody knows',
  'chunks: Connection: close among the trailers',
]);

/** Why a row is not played; false: it is. */
export function openRow(title: string, name: string): string | false {
  return open.has(`${title}: ${name}`) && 'not held yet';
}
