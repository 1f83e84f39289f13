// THE table: every topic of it, in the order in which a reader might want them.
import type { Topic } from './row.ts';
import { headerSyntax } from './rows/header-syntax.ts';
import { host } from './rows/host.ts';
import { requestLine } from './rows/request-line.ts';
import { targets } from './rows/targets.ts';

export const table: readonly Topic[] = [requestLine, targets, host, headerSyntax];
