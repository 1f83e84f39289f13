// Helpers for the gateway's HTML pages: escape text, render the Markdown of messages, and build the
// content security policy source that allows a page's styles.
import { hash } from 'node:crypto';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Safe in text and in quoted attribute values. */
export function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}

/** Renders the code spans of a message. */
export function withCode(text: string): string {
  return escaped(text).replaceAll(/`([^`]*)`/g, '<code>$1</code>');
}

/**
 * Renders the Markdown of the error table: code spans, and links, of which only the text is kept
 * because their targets are files under docs/.
 */
export function prose(markdown: string): string {
  return withCode(markdown.replaceAll(/\[([^[\]]*)\]\([^()]*\)/g, '$1'));
}

/** The `style-src` source for the text of a `style` element. */
export function styleSource(styles: string): string {
  return `'sha256-${hash('sha256', styles, 'base64')}'`;
}
