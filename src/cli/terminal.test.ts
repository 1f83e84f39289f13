import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { eventLine } from './event-line.ts';
import { terminalOn } from './terminal.ts';

test('writes results and notes as lines to separate streams, plain if not on a terminal', () => {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const terminal = terminalOn(stdout, stderr);
  terminal.result(terminal.style('bold', 'result'));
  terminal.note('note');
  assert.equal(String(stdout.read()), 'result\n');
  assert.equal(String(stderr.read()), 'note\n');
});

test('notes escape what could control the terminal, and keep their lines and other letters', () => {
  const stderr = new PassThrough();
  const terminal = terminalOn(new PassThrough(), stderr);
  terminal.note('größe \u001b[31m\r\u009b2J\u202e\nsecond line');
  assert.equal(textOf(stderr), String.raw`größe \u001b[31m\u000d\u009b2J\u202e` + '\nsecond line\n');
});

test('prints an event as one line and quotes ambiguous values', () => {
  const event = { event: 'lease_registered', connection: 3, leaseId: 'ABC', name: 'my "app"\n\u001b[2J' };
  assert.equal(eventLine(event), 'lease_registered connection=3 leaseId=ABC name="my \\"app\\"[2J"');
});

/** A stream that counts as a terminal with colours. */
function tty(): PassThrough {
  return Object.assign(new PassThrough(), { isTTY: true, getColorDepth: () => 24, hasColors: () => true });
}

function textOf(stream: PassThrough): string {
  let text = '';
  stream.setEncoding('utf8');
  for (let chunk = stream.read() as string | null; chunk !== null; chunk = stream.read() as string | null)
    text += chunk;
  return text;
}

test('colours the beginning of errors and warnings on a terminal only', () => {
  const terminal = tty();
  const file = new PassThrough();
  for (const stderr of [terminal, file]) {
    const written = terminalOn(new PassThrough(), stderr);
    for (const line of ['portal-gateway: failed', 'warning: odd', 'as portal-gateway: and warning:'])
      written.note(line);
  }
  const bold = (colour: number, text: string): string => `\u001b[1m\u001b[${colour}m${text}\u001b[39m\u001b[22m`;
  const lines = [`${bold(31, 'portal-gateway:')} failed`, `${bold(33, 'warning:')} odd`];
  assert.equal(textOf(terminal), `${[...lines, 'as portal-gateway: and warning:'].join('\n')}\n`);
  assert.equal(textOf(file), 'portal-gateway: failed\nwarning: odd\nas portal-gateway: and warning:\n');
});
