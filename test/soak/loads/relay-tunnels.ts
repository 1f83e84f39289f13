// Two connections to our relay with 1,200 tunnels between them; both sides send, and neither reads.
import { hash } from 'node:crypto';
import { credentialFromSeed } from '../../../src/portal/index.ts';
import type { Pipe, PipeHandler } from '../../../src/portal/yamux/pipe.ts';
import { RelayPeer } from '../../helpers/relay-peer.ts';
import type { Load, LoadContext } from '../load.ts';
import { openCarrier } from '../relay-access.ts';

const tunnels = 1_200;
const holdMs = 150_000;
const block = Buffer.alloc(65_536, 'x');
/** 2 MiB: more than all windows on the path. */
const blocksEach = 32;

export const load: Load = {
  name: 'relay-tunnels',
  rate: `10 tunnels/s up to ${tunnels}, unread and filled from both sides; all replaced every ${holdMs / 1_000} s`,
  start(context) {
    // One pair of connections at a time.
    context.every({ perSecond: 1, atOnce: 1, timeoutMs: holdMs }, (signal) => hold(context, signal));
  },
};

async function hold(context: LoadContext, signal: AbortSignal): Promise<void> {
  const { count, relay } = context;
  const credential = (name: string): ReturnType<typeof credentialFromSeed> =>
    credentialFromSeed(hash('sha256', `unread ${name}`, 'buffer'));
  const app = RelayPeer.over(await openCarrier(relay.url, context.address(1)), credential('app'));
  const client = RelayPeer.over(await openCarrier(relay.url, context.address(2)), credential('client'));
  const ended = Promise.withResolvers<undefined>();
  const end = (): void => {
    ended.resolve(undefined);
  };
  signal.addEventListener('abort', end, { once: true });
  void Promise.all([app.closed, client.closed]).then(end);
  await app.register({ name: 'unread' });
  const renew = setInterval(() => void app.register({ name: 'unread' }).catch(end), 10_000);
  let opened = 0;
  const open = setInterval(() => {
    if (opened >= tunnels) return;
    opened += 1;
    openOne(app, client).then(
      () => {
        count('tunnels');
      },
      () => {
        count('refused');
      },
    );
  }, 100);
  await ended.promise;
  clearInterval(open);
  clearInterval(renew);
  app.close();
  client.close();
}

async function openOne(app: RelayPeer, client: RelayPeer): Promise<void> {
  const [atClient, atApp] = await Promise.all([client.dial(app.id), app.respond(1)]);
  const code = await atClient.code();
  if (code !== 1) throw new Error(`refused with code ${code}`);
  for (const { pipe } of [atClient, atApp]) fillUnread(pipe);
}

/** Drops received data without crediting it; sending stops when the window is full. */
function fillUnread(pipe: Pipe): void {
  let left = blocksEach;
  const ignore = (): void => undefined;
  const fill = (): void => {
    while (left > 0) {
      left -= 1;
      if (!pipe.write([block])) return;
    }
  };
  pipe.setHandler({ data: ignore, end: ignore, drain: fill, error: ignore } satisfies PipeHandler);
  fill();
}
