// The conformance table over HTTP/1.1: every row over a raw socket, to an app behind our relay and
// its tunnels.
import { playTable } from './play-table.ts';

playTable('tunnel');
