/** A comment on a pull request. */
export type Comment = {
  readonly id: number;
  /** The login of the user, or of the bot, which ends in `[bot]`; undefined once it was deleted. */
  readonly author: string | undefined;
  readonly body: string;
};

/**
 * The comments below a pull request, read and written with one token. What GitHub refuses is thrown as it came; one
 * patience, and so one minute, holds for all that is asked of one conversation.
 */
export interface Conversation {
  /** The login that this token writes as. */
  me(): Promise<string>;
  /** All of them, oldest first. */
  list(): Promise<readonly Comment[]>;
  create(body: string): Promise<Comment>;
  /** `gone` when there is no such comment any more. */
  update(id: number, body: string): Promise<'updated' | 'gone'>;
  /** Also fine when somebody else was faster. */
  remove(id: number): Promise<void>;
}
