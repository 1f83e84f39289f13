// Serves /bytes/:n, a download of any length. Each byte is a function of its position, so a
// receiver can verify any range.
import type { ServerResponse } from 'node:http';
import { responseText, numberOf } from './replies.ts';

/** 16 GiB: more than any test has time to transfer. */
export const maxBytes: number = 16 * 1024 ** 3;
const blockBytes = 65_536;

/**
 * The byte at a position is position ^ (position >> 8) ^ (position >> 16), modulo 256, so that no
 * two adjacent blocks are equal.
 */
const firstBlock = Buffer.alloc(blockBytes);
for (let i = 0; i < blockBytes; i += 1) firstBlock[i] = (i ^ (i >>> 8)) & 0xff;

export function byteAt(position: number): number {
  return (firstBlock[position % blockBytes] ?? 0) ^ (Math.floor(position / blockBytes) & 0xff);
}

export function responseBytes(response: ServerResponse, lengthText: string): void {
  const length = numberOf(lengthText, 0, maxBytes);
  if (length === undefined) {
    responseText(response, 400, `The length must be a whole number from 0 to ${maxBytes}.`);
    return;
  }
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': length });
  let position = 0;
  const pump = (): void => {
    while (position < length && !response.destroyed) {
      const block = blockAt(position).subarray(0, length - position);
      position += block.length;
      if (!response.write(block) && position < length) {
        response.once('drain', pump);
        return;
      }
    }
    if (!response.destroyed) response.end();
  };
  if (response.req.method === 'HEAD') response.end();
  else pump();
}

/** `position` must be a multiple of the block size. */
function blockAt(position: number): Buffer {
  const mask = (position / blockBytes) & 0xff;
  if (mask === 0) return firstBlock;
  const block = Buffer.allocUnsafe(blockBytes);
  for (let i = 0; i < blockBytes; i += 1) block[i] = (firstBlock[i] ?? 0) ^ mask;
  return block;
}
