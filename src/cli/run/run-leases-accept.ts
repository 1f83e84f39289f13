// Implements `leases accept`: admits a lease id for a name under `portal.name_binding: strict`. A
// running gateway with the same state directory applies it within a second and the next lease list.
import { didYouMean } from '../../config/schema/names.ts';
import { leaseNamesPath } from '../../config/source/state-directory.ts';
import { foldName, isLeaseId, leaseIdIn } from '../../kernel/lease-name.ts';
import { distinctName, printable, printableJson } from '../../kernel/printable.ts';
import { administeredUser } from '../../kernel/files/private-file.ts';
import type { CliContext } from '../context.ts';
import { CliFault, usageFault } from '../fault.ts';
import { appendLeaseNames, readLeaseNames } from '../../gateway/lease-names-file.ts';
import { listedLeases, type RelayOptions } from './listed-leases.ts';

export interface AcceptOptions extends RelayOptions {
  readonly id?: string;
  readonly json?: boolean;
}

const maxShownIds = 8;

export async function acceptLease(name: string, options: AcceptOptions, context: CliContext): Promise<void> {
  const shown = `"${distinctName(name)}"`;
  if (name === '' || leaseIdIn(name) !== undefined)
    throw usageFault(`${shown} is not a lease name; a lease is always reachable by its id`);
  if (options.id !== undefined && !isLeaseId(options.id))
    throw usageFault(`--id takes a lease id (26 characters A-Z and 2-7), not ${JSON.stringify(printable(options.id))}`);
  const file = leaseNamesPath(context.environment().stateDirectory);
  const folded = foldName(name);
  const before = await acceptedId(file, folded);
  const id = options.id ?? (await listedId(folded, shown, before, options, context));
  if (id !== before) await write(file, folded, id);
  const { terminal } = context;
  if (options.json === true) terminal.result(printableJson({ name: folded, id, before: before ?? null }));
  else terminal.result(`${distinctName(folded)} ${id}`);
  if (id === before) terminal.note(`${shown} already resolves to this id`);
  else if (before !== undefined) terminal.note(`${shown} no longer resolves to ${before}`);
}

async function acceptedId(file: string, folded: string): Promise<string | undefined> {
  try {
    const { lines } = await readLeaseNames(file, 0, await administeredUser(file));
    return lines.findLast(({ name }) => name === folded)?.id;
  } catch (error) {
    throw new CliFault(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
}

async function write(file: string, name: string, id: string): Promise<void> {
  try {
    await appendLeaseNames(file, [{ name, id }], await administeredUser(file));
  } catch (error) {
    throw new CliFault(`cannot write ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
}

/** The new id that the relay lists under the name, or the accepted id if it lists no other. */
async function listedId(
  folded: string,
  shown: string,
  before: string | undefined,
  options: AcceptOptions,
  context: CliContext,
): Promise<string> {
  const { leases, relay } = await listedLeases(options, context);
  const ids = [...new Set(leases.filter(({ name }) => foldName(name) === folded).map(({ id }) => id))];
  const fresh = ids.filter((id) => id !== before);
  const [only, ...more] = fresh.length === 0 ? ids : fresh;
  if (only === undefined) {
    const meant = didYouMean(folded, new Set(leases.map(({ name }) => foldName(name))));
    const hint = meant === undefined ? 'see "portal-gateway leases"' : `did you mean "${distinctName(meant)}"?`;
    throw new CliFault(`the relay ${relay} lists no lease named ${shown}; ${hint}`);
  }
  if (more.length > 0) {
    const some = fresh.slice(0, maxShownIds).join(', ');
    throw new CliFault(`the relay ${relay} lists ${fresh.length} new ids for ${shown} (${some}); choose one with --id`);
  }
  return only;
}
