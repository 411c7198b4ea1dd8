/** How a proxy says it: RFC 9110, section 15. */
export type FailureStatus = 400 | 403 | 431 | 501 | 502 | 503 | 504

/**
 * Why a connection outside does not come about. The message is what the server may know: it says nothing of the
 * network that the gateway is in.
 */
export class EgressFailure extends Error {
  override readonly name = 'EgressFailure'
  readonly status: FailureStatus

  constructor(status: FailureStatus, message: string) {
    super(message)
    this.status = status
  }
}
