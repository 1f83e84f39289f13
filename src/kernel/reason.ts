/** The text of an error for the `reason` of a log line or a message, without its class name. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
