import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { CommitManifest, FindManifests, ReadManifest } from '#contracts/calls/manifests';
import type { QuestionOf } from '#contracts/define-call';
import { HotQuestions } from '../hot/hot-questions';
import { CommitManifestHandler } from './commit-manifest.handler';
import { ManifestStore } from './manifest.store';

@Controller()
export class ManifestController {
  constructor(
    private readonly manifests: ManifestStore,
    private readonly commits: CommitManifestHandler,
    private readonly hot: HotQuestions,
  ) {}

  @Answers(ReadManifest)
  async read({ repository, digest }: QuestionOf<typeof ReadManifest>) {
    const stored = await this.manifests.read(repository, digest);
    return stored ? { found: true, ...stored } : { found: false, mediaType: '' };
  }

  @Answers(FindManifests)
  find(question: QuestionOf<typeof FindManifests>) {
    return this.hot.findManifests(question);
  }

  @Answers(CommitManifest)
  async commit(question: QuestionOf<typeof CommitManifest>) {
    return { missing: await this.commits.commit(question) };
  }
}
