// Formats a log line for a terminal: time, level, message, then the other fields as key=value.
// Values may be untrusted text.
import { printable } from '../../kernel/printable.ts';

/** Colours the text, or returns it unchanged. */
export type Paint = (colour: 'dim' | 'red' | 'yellow' | 'green', text: string) => string;

interface Line {
  readonly timestamp?: unknown;
  readonly level?: unknown;
  readonly message?: unknown;
  readonly [field: string]: unknown;
}

const maxValueCharacters = 500;
const colourOf: Readonly<Record<string, Parameters<Paint>[0]>> = { error: 'red', warn: 'yellow', info: 'green' };

/** `10:11:12.345 info  GET /peer/demo/ 200 1.2 ms lease_id=…` from a line of JSON. */
export function prettyLine(json: string, paint: Paint): string {
  const line = JSON.parse(json) as Line;
  const { timestamp, level, message, ...fields } = isRequest(line) ? requestLine(line) : line;
  const time = paint('dim', shown(timestamp).slice(11, 23));
  const name = paint(colourOf[shown(level)] ?? 'dim', shown(level).padEnd(5));
  const words = Object.entries(fields).map(([key, value]) => paint('dim', `${printable(key)}=${valueText(value)}`));
  return `${[time, name, shown(message), ...words].join(' ')}\n`;
}

function isRequest({ message, method, path, status }: Line): boolean {
  return message === 'request' && method !== undefined && path !== undefined && status !== undefined;
}

function requestLine({ method, path, status, duration_ms: ms, ...rest }: Line): Line {
  return { ...rest, message: `${shown(method)} ${shown(path)} ${shown(status)} ${shown(ms)} ms` };
}

function shown(value: unknown): string {
  return printable(typeof value === 'string' ? value : JSON.stringify(value), maxValueCharacters);
}

function valueText(value: unknown): string {
  const text = shown(value);
  return typeof value !== 'string' || /^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(text);
}
