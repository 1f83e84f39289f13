// Our relay as a separate process, controlled by the test that started it.
import { MuxStream } from '../../../src/portal/yamux/mux-stream.ts';
import { Mux } from '../../../src/portal/yamux/mux.ts';
import { createRelay, type RelayOptions } from '../../../src/relay/relay.ts';
import { serveParent, settings } from './parent.ts';

export type RelaySettings = Pick<RelayOptions, 'port' | 'keepalive'>;

const relay = createRelay({ port: 0, ...(settings as RelaySettings) });
const address = await relay.listen();

const commands = { counts: () => relay.counts(), close: () => relay.close() };
serveParent({ ...address }, commands, { streams: MuxStream, sessions: Mux });
