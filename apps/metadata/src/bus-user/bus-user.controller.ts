import { randomBytes } from 'node:crypto';
import { Controller, Logger } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { CreateBusUser, DeleteBusUser, ListBusUsers, ReadBusUser } from '#contracts/calls/bus-users';
import type { QuestionOf } from '#contracts/define-call';
import { BusLoginHandler } from './bus-login.handler';
import { BusUserStore } from './bus-user.store';

/** Who may ask on the bus in a name of its own. */
@Controller()
export class BusUserController {
  private readonly log = new Logger('Bus logins');

  constructor(
    private readonly users: BusUserStore,
    private readonly logins: BusLoginHandler,
  ) {}

  @Answers(CreateBusUser)
  async create({ asker, name, seed }: QuestionOf<typeof CreateBusUser>) {
    this.logins.mustLetIn();
    const user = await this.users.create(asker, name, seed ?? randomBytes(32).toString('base64url'));
    this.log.log(`the user ${name} (${user.principal}) was made by ${asker}`);
    return { user };
  }

  @Answers(ListBusUsers)
  list(page: QuestionOf<typeof ListBusUsers>) {
    return this.users.list(page);
  }

  @Answers(ReadBusUser)
  async read({ name }: QuestionOf<typeof ReadBusUser>) {
    return { user: await this.users.read(name) };
  }

  @Answers(DeleteBusUser)
  async delete({ asker, name }: QuestionOf<typeof DeleteBusUser>) {
    const user = await this.users.delete(name);
    if (user) this.log.log(`the user ${name} (${user.principal}) was deleted by ${asker}`);
    this.logins.cutSoon();
    return { deleted: user !== null };
  }
}
