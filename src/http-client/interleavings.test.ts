// Random interleavings of an app's actions during an exchange, checked against an oracle: exactly
// one outcome each, and never a hang.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { ConnectionOwner } from '../../test/helpers/exchange-recorder.ts';
import { seededRandom } from '../../test/soak/random.ts';
import { OutgoingBody } from './outgoing-body.ts';

const exchanges = 100_000;
/** One in this many exchanges uploads a body, which takes turns of the event loop. */
const uploadEvery = 10;

interface Script {
  readonly method: string;
  readonly offeredProtocols: string;
  readonly bytes: string;
  /** Length of the head of the final response. */
  readonly headBytes: number;
  readonly closeDelimited: boolean;
  readonly outcome: 'whole' | 'upgraded';
  readonly persistent: boolean;
}

function script(head: string, body: string, also: Partial<Script> = {}): Script {
  const base = {
    method: 'GET',
    offeredProtocols: '',
    closeDelimited: false,
    outcome: 'whole',
    persistent: true,
  } as const;
  return { ...base, bytes: head + body, headBytes: head.length, ...also };
}

const ok = 'HTTP/1.1 200 OK\r\n';
const scripts: readonly Script[] = [
  script(`${ok}Content-Length: 11\r\n\r\n`, 'hello world'),
  script(`${ok}Content-Length: 0\r\n\r\n`, ''),
  script(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nLink: a\r\n\r\n${ok}Content-Length: 2\r\n\r\n`, 'ok'),
  script(`${ok}Transfer-Encoding: chunked\r\n\r\n`, '5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\n'),
  script(`${ok}\r\n`, 'up to the end', { closeDelimited: true, persistent: false }),
  script('HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n', 'old', { persistent: false }),
  script(`${ok}Content-Length: 3\r\nConnection: close\r\n\r\n`, 'bye', { persistent: false }),
  script(`${ok}Content-Length: 99\r\n\r\n`, '', { method: 'HEAD' }),
  script('HTTP/1.1 204 No Content\r\n\r\n', ''),
  script('HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n', '', {
    offeredProtocols: 'echo',
    outcome: 'upgraded',
    persistent: false,
  }),
];

type Ending = 'nothing' | 'end' | 'reset' | 'excess';
const endings: readonly Ending[] = ['nothing', 'end', 'reset', 'excess'];

/** The expected outcome after `sent` bytes of the script and then the ending. */
function expected({ bytes, headBytes, closeDelimited, outcome }: Script, sent: number, ending: Ending): string {
  if (!closeDelimited && sent === bytes.length) return outcome;
  const inBody = sent >= headBytes;
  if (closeDelimited && inBody && ending === 'end') return 'whole';
  if (ending === 'nothing' || ending === 'excess') return 'none';
  return `connection_lost ${sent === 0 ? 'waiting' : inBody ? 'body' : 'head'}`;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test(`${exchanges} random exchanges have exactly one outcome each and release everything`, async () => {
  const seeded = seededRandom('exchanges');
  const random = (below: number): number => seeded.between(0, below - 1);
  let owner = new ConnectionOwner();
  for (let i = 0; i < exchanges; i += 1) {
    const at = scripts[random(scripts.length)];
    const ending = endings[random(endings.length)];
    assert.ok(at !== undefined && ending !== undefined);
    if (!owner.connection.usable) owner = new ConnectionOwner();
    const { method, offeredProtocols, bytes } = at;
    const complete = random(3) > 0;
    const sent = complete ? bytes.length : random(bytes.length + 1);
    const uploads = i % uploadEvery === 0 && offeredProtocols === '' && method === 'GET';
    const source = new PassThrough();
    const lengthBytes = random(2) === 0 ? 4 : null;
    const body = uploads ? new OutgoingBody({ stream: source, lengthBytes, trailers: () => [] }) : undefined;
    const recorder = owner.send({ method: uploads ? 'POST' : method, offeredProtocols, body });
    recorder.slow = random(4) === 0;
    const uploadedFirst = random(2) === 0;
    if (uploads && uploadedFirst) {
      source.end('body');
      await turn();
      await turn();
      assert.equal(recorder.uploadedAll, true);
    }
    const what = `${i}: ${JSON.stringify(bytes)} to ${sent}, ${ending}`;
    for (let from = 0; from < sent;) {
      const to = Math.min(sent, from + 1 + random(random(2) === 0 ? 3 : bytes.length));
      owner.pipe.receive(bytes.slice(from, to));
      from = to;
      if (random(2) === 0) owner.connection.resume();
    }
    const wanted = expected(at, sent, ending);
    // A reset drops unread bytes, and an end waits behind them, so the reader consumes
    // everything first.
    recorder.slow = false;
    for (let turns = 0; turns < 4; turns += 1) owner.connection.resume();
    if (ending === 'end') owner.pipe.receiveEnd();
    else if (ending === 'reset') owner.pipe.fail(new Error('reset'));
    else if (ending === 'excess' && wanted === 'whole') owner.pipe.receive('HTTP/1.1 200 OK\r\n');
    await Promise.resolve();
    await Promise.resolve();
    assert.equal(recorder.outcome.replace(/ X-Sum.*/, ''), wanted, what);
    const reusable = wanted === 'whole' && at.persistent && ending === 'nothing' && (!uploads || uploadedFirst);
    assert.equal(owner.connection.usable, reusable, what);
    recorder.stream?.destroy();
    if (wanted === 'none') owner.connection.destroy();
    if (!owner.connection.usable && owner.pipe.ended) owner.pipe.receiveEnd();
    if (recorder.stream !== undefined || uploads) await turn();
    else await Promise.resolve();
    assert.equal(owner.losses, owner.connection.usable ? 0 : 1, what);
    source.destroy();
  }
});
