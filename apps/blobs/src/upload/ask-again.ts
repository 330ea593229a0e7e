import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import type { Calls } from '#calls/calls';
import type { AnswerOf, Call } from '#contracts/define-call';
import { isRegistryError } from '#oci/registry-error';

const FIRST_DELAY_MS = 100;

/**
 * Asks a command that may be repeated until it is answered: a timeout means unknown, so it is asked again and never
 * compensated. After the last attempt the unknown is the caller's.
 */
export async function askAgain<C extends Call>(
  calls: Calls,
  call: C,
  question: z.input<C['question']>,
  { attempts = 5, signal }: { attempts?: number; signal?: AbortSignal } = {},
): Promise<AnswerOf<C>> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await calls.ask(call, question, signal ? { signal } : {});
    } catch (error) {
      if (!isRegistryError(error, 'TIMEOUT', 'UNAVAILABLE') || attempt >= attempts || signal?.aborted) throw error;
      await delay(FIRST_DELAY_MS * 2 ** (attempt - 1));
    }
  }
}
