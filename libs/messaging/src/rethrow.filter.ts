import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { type Observable, throwError } from 'rxjs';

/**
 * Belongs on every controller that takes messages: without it Nest turns each error into "Internal server error", and
 * the strategy cannot tell a message that is poison from one to be delivered again.
 */
@Catch()
export class RethrowFilter implements RpcExceptionFilter<unknown> {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}
