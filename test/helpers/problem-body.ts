/** The body of a problem response (RFC 9457, docs/errors.md). */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly request_id: string;
  readonly retry_after?: number;
}
