// Generates random HTTP/1 requests, most of them valid, and mutates their bytes. Strings are
// latin1: one character is one byte.
import type { Random } from '../soak/random.ts';
import { connections, framed, inserts, mutated, plainFields } from './response-grammar.ts';

const methods = ['GET', 'GET', 'POST', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'FROB', 'CONNECT'] as const;
const targets = ['/a?b=c', '/%2e/..', '*', 'http://x/', '/a#b', '/\xe9', '/a b', '//x', ''] as const;
const versions = ['1.0', '1.0', '0.9', '1.2', '2.0'] as const;
const expectations = ['100-continue', '100-Continue', '', '200-ok'] as const;

export function randomRequest(random: Random): Buffer {
  let text = (random.chance(0.05) ? '\r\n' : '') + request(random);
  if (random.chance(0.1)) text += random.chance(0.5) ? request(random) : random.pick(inserts);
  if (random.chance(0.6)) for (let i = random.between(1, 3); i > 0; i -= 1) text = mutated(text, random);
  if (random.chance(0.05)) text = text.slice(0, random.between(0, text.length));
  return Buffer.from(text, 'latin1');
}

function request(random: Random): string {
  const lines: string[] = [];
  for (let i = random.between(0, 4); i > 0; i -= 1) lines.push(random.pick(plainFields));
  if (random.chance(0.95)) lines.push('Host: x');
  if (random.chance(0.3)) lines.push(`Connection: ${random.pick(connections)}`);
  if (random.chance(0.1)) lines.push(`Expect: ${random.pick(expectations)}`);
  const before = lines.length;
  const framedBody = framed(random, lines);
  // Without a field that frames it, a request has no body.
  const body = lines.length === before ? '' : framedBody;
  for (let i = lines.length - 1; i > 0; i -= 1) {
    const j = random.between(0, i);
    [lines[i], lines[j]] = [lines[j] ?? '', lines[i] ?? ''];
  }
  const target = random.chance(0.8) ? '/' : random.pick(targets);
  const version = random.chance(0.9) ? '1.1' : random.pick(versions);
  const head = lines.map((line) => `${line}\r\n`).join('');
  return `${random.pick(methods)} ${target} HTTP/${version}\r\n${head}\r\n${body}`;
}
