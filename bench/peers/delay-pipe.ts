// A long path, as a process of its own: passes on to a port on 127.0.0.1 what comes, each way so many milliseconds later. Prints its
// port.
//   node bench/peers/delay-pipe.ts PORT DELAY_MS
import process from 'node:process';
import { openDelayPipe } from '../../test/helpers/delay-pipe.ts';

const [port = NaN, delayMs = NaN] = process.argv.slice(2).map(Number);
const pipe = await openDelayPipe(port, { delayMs, hold: 'bytes' });
console.log(String(pipe.port));
