import * as z from 'zod';
import type { Comment, Conversation } from './conversation.ts';
import { MAX_PAGE_ITEMS } from './limits.ts';
import { openOctokit, SILENT, type Place } from './octokit.ts';
import { isStatus, PATIENCE, persisting, type Patience } from './persistence.ts';

/** Which pull request, with which token, and what ends the wait for GitHub. */
type ConversationAccess = Place & {
  readonly number: number;
  readonly token: string;
  readonly signal: AbortSignal;
  readonly patience?: Patience;
};

const ApiComment = z.object({
  id: z.int().positive(),
  body: z.string().nullish(),
  user: z.object({ login: z.string() }).nullish(),
});
const Viewer = z.object({ viewer: z.object({ login: z.string().min(1) }) });

/** No pull request has more; a list that goes on and on is not read to its end. */
const MAX_PAGES = 100;

/** The comments of a pull request through GitHub's API; nothing is asked before someone needs it. */
export function openConversation({
  owner,
  repo,
  number: issue_number,
  token,
  apiUrl,
  signal,
  patience = PATIENCE,
}: ConversationAccess): Conversation {
  const persist = persisting(patience, signal);
  const octokit = () => openOctokit(token, apiUrl);
  const at = { owner, repo };
  return {
    me: async () => {
      const { graphql } = await octokit();
      // REST tells nobody but people who they are; this tells bots, too.
      const answer = await persist((deadline) =>
        graphql('query { viewer { login } }', { request: { signal: deadline } }),
      );
      return Viewer.parse(answer).viewer.login;
    },
    list: async () => {
      const { issues } = (await octokit()).rest;
      const comments: Comment[] = [];
      for (let page = 1; page <= MAX_PAGES; page += 1) {
        const { data, headers } = await persist((deadline) =>
          issues.listComments({
            ...at,
            issue_number,
            per_page: MAX_PAGE_ITEMS,
            page,
            request: { signal: deadline, log: SILENT },
          }),
        );
        comments.push(...z.array(ApiComment).parse(data).map(asComment));
        if (!headers.link?.includes('rel="next"')) break;
      }
      return comments.toSorted((a, b) => a.id - b.id);
    },
    create: async (body) => {
      const { issues } = (await octokit()).rest;
      const { data } = await persist((deadline) =>
        issues.createComment({ ...at, issue_number, body, request: { signal: deadline, log: SILENT } }),
      );
      return asComment(ApiComment.parse(data));
    },
    update: async (comment_id, body) => {
      const { issues } = (await octokit()).rest;
      return unlessGone(
        persist((deadline) =>
          issues.updateComment({ ...at, comment_id, body, request: { signal: deadline, log: SILENT } }),
        ),
      );
    },
    remove: async (comment_id) => {
      const { issues } = (await octokit()).rest;
      await unlessGone(
        persist((deadline) =>
          issues.deleteComment({ ...at, comment_id, request: { signal: deadline, log: SILENT } }),
        ),
      );
    },
  };
}

function asComment({ id, body, user }: z.infer<typeof ApiComment>): Comment {
  return { id, author: user?.login, body: body ?? '' };
}

async function unlessGone(request: Promise<unknown>): Promise<'updated' | 'gone'> {
  try {
    await request;
    return 'updated';
  } catch (error) {
    if (isStatus(error, 404)) return 'gone';
    throw error;
  }
}
