// Jobs: commands that go on in the background (command &). Only few can: what they work on must be
// theirs alone, and they write to a stream instead of to the terminal. They call run_job().

import { WRITE_ONCE, smp_load_acquire, smp_store_release } from '../arch/atomic';
import { is_digit, simple_strtoul, str, strscpy } from '../lib/string';
import { send_sigint } from '../sched/core';
import { get_task_struct, put_task_struct } from '../sched/fork';
import { kthread_create } from '../sched/kthread';
import { task_struct } from '../sched/task';
import { wake_up_new_task } from '../sched/core';
import { tty_printf } from '../tty/tty';
import { arg, register_command } from './commands';
import { stream, stream_close, stream_of_terminal, stream_write } from './stream';

const JOBS_MAX: u32 = 8;
const LINE_MAX: u32 = 64;
const JOB_SIZE: usize = 96;

/** The first 64 bytes are the command line. */
@unmanaged
class job {
  /** A reference to its task; null: the slot is free. Only the shell changes it. */
  task: task_struct | null;
  fn: (data: usize, out: stream) => void;
  data: usize;
  out: stream;
  /** Set by its task, last of all. */
  done: u32;
}
const jobs: usize = memory.data(96 * 8, 4);

/** What the shell found around the command that it is about to run. */
@unmanaged
class Invocation {
  background: bool;
  /** Where > leads. */
  out: stream | null;
  line: usize;
}
const invocation: Invocation = changetype<Invocation>(memory.data(offsetof<Invocation>(), 4));

function line_of(i: u32): usize {
  return jobs + <usize>i * JOB_SIZE;
}

function job_at(i: u32): job {
  return changetype<job>(jobs + <usize>i * JOB_SIZE + LINE_MAX);
}

/** The shell, before it runs a command. `line` is what was typed. */
export function set_invocation(background: bool, out: stream | null, line: usize): void {
  invocation.background = background;
  invocation.out = out;
  invocation.line = line;
}

/** Did the command line end in &? For commands that can only sometimes run so. Shell only. */
export function in_background(): bool {
  return invocation.background;
}

/** In the job's own task. */
function job_thread(address: usize): u32 {
  const j = changetype<job>(address);
  j.fn(j.data, j.out);
  stream_close(j.out);
  smp_store_release(address + offsetof<job>('done'), 1);
  return 0;
}

function start(
  name: string,
  fn: (data: usize, out: stream) => void,
  data: usize,
  out: stream,
): bool {
  for (let i: u32 = 0; i < JOBS_MAX; i++) {
    const j = job_at(i);
    if (j.task != null) continue;
    strscpy(line_of(i), invocation.line, LINE_MAX);
    j.fn = fn;
    j.data = data;
    j.out = out;
    WRITE_ONCE(changetype<usize>(j) + offsetof<job>('done'), 0);
    const task = kthread_create(job_thread, changetype<usize>(j), name);
    get_task_struct(task);
    j.task = task;
    tty_printf('[%u] %u\n', i + 1, task.pid);
    wake_up_new_task(task);
    return true;
  }
  tty_printf('%s: there are %u jobs already\n', str(name), JOBS_MAX);
  return false;
}

/**
 * Runs fn(data, out), at once or in the background, as the command line has it, with its output where
 * that leads. False if it cannot. Shell only.
 */
export function run_job(name: string, fn: (data: usize, out: stream) => void, data: usize): bool {
  const given = invocation.out;
  const out = given != null ? given : stream_of_terminal();
  invocation.out = null;
  if (out == null) return false;
  if (invocation.background) {
    if (start(name, fn, data, out)) return true;
    stream_close(out);
    return false;
  }
  fn(data, out);
  stream_close(out);
  return true;
}

/** For commands that do not call run_job(): their output, for tty_redirect(). Shell only. */
export function write_redirected(text: usize, length: u32): void {
  const out = invocation.out;
  if (out != null) stream_write(out, text, length);
}

/** When a command is done: closes what > opened. Shell only. */
export function end_invocation(): void {
  const out = invocation.out;
  invocation.out = null;
  if (out != null) stream_close(out);
}

function is_done(j: job): bool {
  return smp_load_acquire(changetype<usize>(j) + offsetof<job>('done')) != 0;
}

/** Says which jobs have ended. The shell, before its prompt. */
export function reap_jobs(): void {
  for (let i: u32 = 0; i < JOBS_MAX; i++) {
    const task = job_at(i).task;
    if (task == null || !is_done(job_at(i))) continue;
    tty_printf('[%u] Done    %S\n', i + 1, line_of(i));
    put_task_struct(task);
    job_at(i).task = null;
  }
}

function cmd_jobs(argc: u32, argv: usize): void {
  for (let i: u32 = 0; i < JOBS_MAX; i++) {
    if (job_at(i).task != null) tty_printf('[%u] Running %S\n', i + 1, line_of(i));
  }
}

/** kill %N: as ^C would. */
function cmd_kill(argc: u32, argv: usize): void {
  if (argc != 2 || load<u8>(arg(argv, 1)) != 0x25 || !is_digit(load<u8>(arg(argv, 1) + 1))) {
    tty_printf('usage: kill %%N; jobs lists them\n');
    return;
  }
  const n = simple_strtoul(arg(argv, 1) + 1);
  const task = n - 1 < JOBS_MAX ? job_at(n - 1).task : null;
  if (task == null) tty_printf('kill: there is no job %%%u\n', n);
  else send_sigint(task);
}

export function register_job_commands(): void {
  register_command('jobs', '', 'list what runs in the background', cmd_jobs);
  register_command('kill', '%N', 'end a job', cmd_kill);
}
