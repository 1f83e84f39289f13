// A long network path as a separate process: forwards to a port on 127.0.0.1 and delays every byte
// by DELAY_MS each way. Prints its own port.
//   node bench/peers/delay-pipe.ts PORT DELAY_MS
import process from 'node:process';
import { openDelayPipe } from '../../test/helpers/delay-pipe.ts';

const [port = NaN, delayMs = NaN] = process.argv.slice(2).map(Number);
const pipe = await openDelayPipe(port, { delayMs, hold: 'bytes' });
console.log(String(pipe.port));
