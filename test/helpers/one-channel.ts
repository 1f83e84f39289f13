// One secure channel whose peer is the test, and ways to wait for its outcome.
import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { SecureChannel } from '../../src/portal/secure/channel.ts';
import { FrameSealer } from '../../src/portal/secure/frame-sealer.ts';
import { HeaderPool } from '../../src/portal/secure/header-pool.ts';
import { SecurePipe, type SecurePipeOptions } from '../../src/portal/secure/secure-pipe.ts';
import { handshakePair } from './channel-pair.ts';
import { memoryPipePair, type MemoryPipe, type MemoryPipeOptions } from './memory-pipe.ts';

/** Waits until all in-memory delivery has settled. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await turn();
}

/**
 * Reads the channel to its end. Does not use async iteration, which would destroy the channel,
 * including its other direction, at the end.
 */
export async function collect(channel: SecureChannel): Promise<Buffer> {
  const received: Buffer[] = [];
  channel.on('data', (chunk: Buffer) => received.push(chunk));
  await once(channel, 'end');
  return Buffer.concat(received);
}

export interface OneChannel {
  readonly channel: SecureChannel;
  /** The pipe below the channel. */
  readonly pipe: MemoryPipe;
  /** The test's end of the pipe. */
  readonly peer: MemoryPipe;
  /** Encrypts a frame as the peer would. */
  readonly seal: (text: string | Buffer) => Buffer;
  readonly peerKey: KeyObject;
}

/** A channel whose peer is the test, on a bare pipe. */
export function oneChannel(
  pipeOptions: MemoryPipeOptions = {},
  options: Omit<SecurePipeOptions, 'result'> = {},
): OneChannel {
  const results = handshakePair();
  const [pipe, peer] = memoryPipePair(pipeOptions);
  const channel = new SecureChannel(new SecurePipe(pipe, { ...options, result: results.client }));
  const sealer = new FrameSealer(results.server.sendKey, new HeaderPool(), 2 ** 25);
  const seal = (text: string | Buffer): Buffer => Buffer.concat(sealer.seal([Buffer.from(text)]));
  return { channel, pipe, peer, seal, peerKey: results.server.sendKey };
}

/** The error with which a channel is destroyed. */
export async function failure(channel: SecureChannel): Promise<unknown> {
  const [error] = (await once(channel, 'error')) as [unknown];
  return error;
}
