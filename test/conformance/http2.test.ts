// The conformance table over HTTP/2 and TLS, for the rows that apply to it, to an app behind our
// relay and its tunnels.
import { playTableOverHttp2 } from './play-table.ts';

playTableOverHttp2('tunnel');
