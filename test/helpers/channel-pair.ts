// Two ends of a tunnel after a handshake in memory, with the pipes underneath exposed to the test.
import { createCredential } from '../../src/portal/identity.ts';
import { SecureChannel, type SecureChannelOptions } from '../../src/portal/secure/channel.ts';
import { SecurePipe } from '../../src/portal/secure/secure-pipe.ts';
import { respondToHandshake, type HandshakeResult, startClientHandshake } from '../../src/portal/secure/handshake.ts';
import { type MemoryPipe, memoryPipePair, type MemoryPipeOptions } from './memory-pipe.ts';

export interface ChannelPair {
  readonly client: SecureChannel;
  readonly server: SecureChannel;
  readonly clientPipe: MemoryPipe;
  readonly serverPipe: MemoryPipe;
  readonly results: { readonly client: HandshakeResult; readonly server: HandshakeResult };
}

export function handshakePair(): ChannelPair['results'] {
  const app = createCredential();
  const handshake = startClientHandshake({ now: Date.now, credential: createCredential(), alpn: 'http/1.1' });
  const response = respondToHandshake(
    { now: Date.now, credential: app, alpns: ['http/1.1'] },
    handshake.message.subarray(4),
  );
  return { client: handshake.finish(response.message.subarray(4), app.id), server: response.result };
}

export function channelPair(
  pipeOptions: MemoryPipeOptions = {},
  channelOptions: SecureChannelOptions = {},
): ChannelPair {
  const results = handshakePair();
  const [clientPipe, serverPipe] = memoryPipePair(pipeOptions);
  return {
    client: new SecureChannel(new SecurePipe(clientPipe, { result: results.client }), channelOptions),
    server: new SecureChannel(new SecurePipe(serverPipe, { result: results.server }), channelOptions),
    clientPipe,
    serverPipe,
    results,
  };
}
