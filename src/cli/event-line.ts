// Formats an event as one line for a terminal: its name, then its properties. Values may be
// untrusted text.
import { printable } from '../kernel/printable.ts';

/** `lease_registered connection=1 leaseId=ABC name="my app"` */
export function eventLine(event: { readonly event: string }): string {
  const { event: name, ...details } = event;
  const words = Object.entries(details).map(([key, value]) => `${key}=${valueText(value)}`);
  return [name, ...words].join(' ');
}

function valueText(value: unknown): string {
  const text = printable(String(value));
  return /^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(text);
}
