// Writes man/portal-gateway.1 from the commands. With --check, writes nothing and fails when the
// page is out of date.
import { writeOrCheck } from './generated-files.ts';
import { manPage } from './man-page.ts';

await writeOrCheck({ 'man/portal-gateway.1': manPage });
