import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import {
  AbortSession,
  CommitExtent,
  FinishSession,
  OpenSession,
  ReadSession,
  TakeSession,
} from '#contracts/calls/sessions';
import type { QuestionOf } from '#contracts/define-call';
import { FinishSessionHandler } from './finish-session.handler';
import { acknowledged, SessionStore } from './session.store';

@Controller()
export class SessionController {
  constructor(
    private readonly sessions: SessionStore,
    private readonly finishes: FinishSessionHandler,
  ) {}

  @Answers(OpenSession)
  async open({ repository, expected }: QuestionOf<typeof OpenSession>) {
    const id = await this.sessions.open(repository, expected ?? {});
    return { session: id, object: id };
  }

  @Answers(TakeSession)
  async take({ session, writer }: QuestionOf<typeof TakeSession>) {
    const { epoch, extents, expected_digest, expected_size } = await this.sessions.take(session, writer);
    const expected = { expectedDigest: expected_digest, expectedSize: expected_size };
    return { object: session, epoch, offset: acknowledged(extents), extents, ...expected };
  }

  @Answers(ReadSession)
  async read({ session }: QuestionOf<typeof ReadSession>) {
    return { object: session, ...(await this.sessions.read(session)) };
  }

  @Answers(CommitExtent)
  async commitExtent({ session, epoch, extent }: QuestionOf<typeof CommitExtent>) {
    return { offset: await this.sessions.commitExtent(session, epoch, extent) };
  }

  @Answers(FinishSession)
  async finish(question: QuestionOf<typeof FinishSession>) {
    return { object: await this.finishes.finish(question) };
  }

  @Answers(AbortSession)
  async abort({ session, epoch }: QuestionOf<typeof AbortSession>) {
    await this.sessions.abort(session, epoch);
    return {};
  }
}
