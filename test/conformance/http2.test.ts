// The conformance table over HTTP/2 and TLS, where a row applies to it, against an app behind our relay and its tunnels.
import { playTableOverHttp2 } from './play-table.ts';

playTableOverHttp2('tunnel');
