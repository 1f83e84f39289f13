// Owns what goes where: results to stdout, text for people to stderr, colour only where somebody looks. Knows no command.
import type { Writable } from 'node:stream';
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

export interface Terminal {
  /** A line of the result. */
  result(line: string): void;
  /** A line for people. */
  note(line: string): void;
  /** For text of result(); plain unless stdout is a terminal. */
  style(style: Style, text: string): string;
}

export function terminalOn(stdout: Writable, stderr: Writable): Terminal {
  return {
    result: (line) => {
      stdout.write(`${line}\n`);
    },
    note: (line) => {
      stderr.write(`${line}\n`);
    },
    // Node's own: looks at the stream, NO_COLOR and FORCE_COLOR.
    style: (style, text) => styleText(style, text, { stream: stdout }),
  };
}

// C0, DEL, C1, then what reorders or hides text: soft hyphen, zero width, bidirectional controls, line separators, tags.
const unsafe =
  // eslint-disable-next-line no-control-regex -- they are what this is about
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu;

/** Text of strangers, fit for a terminal: one line, nothing that moves the cursor or reorders what is read. */
export function printable(text: string, mostCharacters = 200): string {
  const clean = text.replace(unsafe, '');
  return clean.length > mostCharacters ? `${clean.slice(0, mostCharacters - 1)}…` : clean;
}

/** The same text as JSON on one line, with everything escaped that printable() would drop. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(unsafe, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
