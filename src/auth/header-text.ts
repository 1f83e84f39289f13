// Text in the bytes of header values: UTF-8, or Latin-1 from older tools.
import { isUtf8 } from 'node:buffer';

export function textOf(bytes: Buffer): string {
  return bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');
}

/** Node.js decodes header bytes as Latin-1; foreign keys may have characters of several bytes. */
export function utf8(text: string): string {
  return /[\u0080-\u00ff]/.test(text) ? textOf(Buffer.from(text, 'latin1')) : text;
}
