// Our relay as a separate process. Prints its URL.
import { countLiveBuffersOnly } from '../../src/cli/buffer-accounting.ts';
import { createCredential } from '../../src/portal/identity.ts';
import { createRelay } from '../../src/relay/relay.ts';

countLiveBuffersOnly();
const relay = createRelay({ port: 0, identity: createCredential() });
const { url } = await relay.listen();
console.log(url);
