// Helpers shared by the demo's endpoints: plain-text responses and numeric URL parameters.
import type { ServerResponse } from 'node:http';

export function responseText(response: ServerResponse, status: number, line: string): void {
  const body = Buffer.from(`${line}\n`);
  const hasContent = status !== 204 && status !== 304;
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  if (hasContent) response.setHeader('Content-Length', body.length);
  response.writeHead(status).end(hasContent ? body : undefined);
}

/** Accepts decimal digits only; undefined if the number is out of range. */
export function numberOf(text: string, least: number, most: number): number | undefined {
  if (!/^\d{1,15}$/.test(text)) return undefined;
  const number = Number(text);
  return number >= least && number <= most ? number : undefined;
}
