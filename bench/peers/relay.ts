// Our relay, as a process of its own. Prints its URL.
import { createRelay } from '../../src/relay/relay.ts';

const relay = createRelay({ host: '127.0.0.1', port: 0 });
const { url } = await relay.listen();
console.log(url);
