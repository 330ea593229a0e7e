import { Controller, Logger, UseFilters } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { REQUEST_SUBJECTS } from '#contracts/requests';
import { Delivery } from '#messaging/delivery';
import { JETSTREAM } from '#messaging/jetstream.strategy';
import { type NamedRequest, parseRequest } from '#messaging/parse-request';
import { RethrowFilter } from '#messaging/rethrow.filter';
import { type ErrorCode, isRegistryError, RegistryError } from '#oci/registry-error';
import { decide, OPEN_RULES } from '#policy/decide';
import { OperationStore } from './operation.store';

/** What is the request's own fault: it ends as a failed operation. Anything else is ours, and it is delivered again. */
const REFUSALS: readonly ErrorCode[] = [
  'INVALID',
  'NAME_INVALID',
  'DIGEST_INVALID',
  'NAME_UNKNOWN',
  'MANIFEST_UNKNOWN',
  'NOT_FOUND',
  'CONFLICT',
  'PRECONDITION',
  'GONE',
  'UNSUPPORTED',
  'DENIED',
  'UNAUTHORIZED',
];

/**
 * Takes requests in from the bus: validate, apply the policy, insert the operation; the message is acknowledged after
 * that was committed. Whatever can be named ends as an operation, if only a failed one, so that its sender sees why.
 */
@Controller()
@UseFilters(RethrowFilter)
export class IntakeController {
  private readonly log = new Logger('Intake');

  constructor(private readonly operations: OperationStore) {}

  @EventPattern<string>(REQUEST_SUBJECTS, JETSTREAM)
  async take(@Payload() bytes: Uint8Array, @Ctx() delivery: Delivery): Promise<void> {
    const { subject, messageId, key } = delivery;
    const request = parseRequest({ subject, bytes, messageId, key });
    try {
      this.check(request);
      await this.operations.accept(request);
    } catch (error) {
      if (!isRegistryError(error, ...REFUSALS)) throw error;
      this.log.log(`${request.kind} of ${request.principal} refused: ${error.message}`);
      const { code, message, detail } = error;
      await this.operations.refuse(request, { code, message, ...(detail === undefined ? {} : { detail }) });
    }
  }

  private check({ principal, fault }: NamedRequest): void {
    const decision = decide(principal, 'ask', { kind: 'operation', owner: principal }, OPEN_RULES);
    if (!decision.allowed) throw new RegistryError(decision.code, decision.why);
    if (fault) throw new RegistryError(fault.code as ErrorCode, fault.message, { detail: fault.detail });
  }
}
