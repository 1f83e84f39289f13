// Splits bytes into pieces of one size, without copying.
export function* piecesOf(bytes: Buffer, pieceBytes: number): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}
