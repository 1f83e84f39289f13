// Quotes text for commands that people paste into a POSIX shell, and for shell scripts.

export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** In quotes only if a shell could interpret it. */
export function shellWord(text: string): string {
  return /^[\w./:@%+-]+$/.test(text) ? text : shellQuoted(text);
}
