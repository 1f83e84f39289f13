// Byte classes of HTTP/1 messages, as tables: one lookup per byte.

/** Bits in byteClass. */
export const isToken = 1;
/** HTAB, SP, VCHAR and obs-text: field values and reason phrases (RFC 9110 §5.5, RFC 9112 §4). */
export const isText = 2;

/** RFC 9110 §5.6.2. */
const tokenSymbols = "!#$%&'*+-.^_`|~";

export const byteClass: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  const token = /^[0-9A-Za-z]$/.test(character) || (byte < 0x7f && tokenSymbols.includes(character));
  const text = byte === 0x09 || (byte >= 0x20 && byte !== 0x7f);
  return (token ? isToken : 0) | (text ? isText : 0);
});

/** The entry of hexValue for bytes that are not hexadecimal digits. */
export const notHex = 255;

export const hexValue: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return /^[0-9A-Fa-f]$/.test(character) ? Number.parseInt(character, 16) : notHex;
});

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const DQUOTE = 0x22;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const EQUALS = 0x3d;
export const BACKSLASH = 0x5c;
