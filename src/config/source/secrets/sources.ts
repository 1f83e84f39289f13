// The sources of secrets, by the scheme of the references to them.
import { awsSecretsManagerSource } from './aws-secrets-manager.ts';
import { environmentDescription, environmentForm } from './environment-variables.ts';
import { fileSource } from './file-source.ts';
import type { SecretSource } from './secret-source.ts';
import { vaultSource } from './vault.ts';

export const secretSources: Readonly<Record<string, SecretSource>> = {
  file: fileSource,
  vault: vaultSource,
  'aws-sm': awsSecretsManagerSource,
};

/** A reference as people write it: `vault:PATH#FIELD`. */
export function referenceForm(scheme: string, { placeholder, field }: SecretSource): string {
  return `${scheme}:${placeholder}${field === 'none' ? '' : '#FIELD'}`;
}

/** All forms of references, with their description in Markdown. */
export const referenceForms: readonly { readonly form: string; readonly description: string }[] = [
  { form: environmentForm, description: environmentDescription },
  ...Object.entries(secretSources).map(([scheme, source]) => ({
    form: referenceForm(scheme, source),
    description: source.description,
  })),
];
