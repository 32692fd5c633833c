//! The commits of a release: those, in that order, of `git log --no-merges SINCE..COMMIT -- PATHS`.
//!
//! This is git's own walk (`limit_list` and `try_to_simplify_commit` in git's `revision.c`): newest first by the
//! committer's time, and with path filters a merge that brings nothing new against one of its parents is followed
//! into that parent alone ("history simplification" in `git help log`).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use git2::{Mailmap, Oid};
use model::release::changelog::{CommitHistory, CommitNode};
use model::{CommitId, RepoPath};

use crate::error::object_error;
use crate::paths::{Found, Paths};
use crate::{Repo, RepoError, commit_id, message, oid};

/// How many commits past the last interesting one are looked at, for clocks that went wrong: git's `SLOP`.
const SLOP: usize = 5;

impl Repo {
    /// The commits that `commit` has and `since` has not.
    ///
    /// # Errors
    /// [`RepoError::Missing`] for an object that is not in the clone: never a shorter list.
    pub fn history(
        &self,
        commit: CommitId,
        since: Option<CommitId>,
        paths: &[RepoPath],
    ) -> Result<CommitHistory, RepoError> {
        let mut graph = Graph {
            repo: self,
            nodes: Vec::new(),
            index: HashMap::new(),
            paths: Paths::new(&self.git, paths),
        };
        let tip = graph.node(oid(commit.object()));
        let bottom = since.map(|it| graph.node(oid(it.object())));
        let all = Walk::new(&mut graph, false).run(tip, bottom)?;
        let listed =
            if paths.is_empty() { all.clone() } else { Walk::new(&mut graph, true).run(tip, bottom)? };
        let links = all.iter().map(|&it| graph.link(it)).collect::<Result<_, _>>()?;
        let mailmap = self.mailmap(commit)?;
        let commits = listed
            .into_iter()
            .filter(|&it| graph.parents(it).len() < 2)
            .map(|it| Ok(message::change(&graph.commit(it)?, mailmap.as_ref())))
            .collect::<Result<_, _>>()?;
        Ok(CommitHistory { commits, graph: links })
    }

    /// Whether `ancestor` is `commit` or one of its ancestors.
    ///
    /// # Errors
    /// [`RepoError::Missing`] where the history cannot be followed.
    pub fn is_ancestor(&self, ancestor: CommitId, commit: CommitId) -> Result<bool, RepoError> {
        let (old, new) = (oid(ancestor.object()), oid(commit.object()));
        if old == new {
            return Ok(true);
        }
        self.git.graph_descendant_of(new, old).map_err(object_error(new, "the ancestry of a commit"))
    }

    /// `.mailmap` as the commit has it: the same names on every machine.
    fn mailmap(&self, commit: CommitId) -> Result<Option<Mailmap>, RepoError> {
        let Some(bytes) = self.file(commit, ".mailmap")? else { return Ok(None) };
        Ok(Mailmap::from_buffer(&String::from_utf8_lossy(&bytes)).ok())
    }
}

/// A commit as the walk needs it.
struct Node {
    id: Oid,
    /// What it says; none as long as it is only known as somebody's parent.
    body: Option<Body>,
    /// What the path filters name here, once somebody asked.
    found: Option<Vec<Found>>,
}

#[derive(Clone)]
struct Body {
    tree: Oid,
    time: i64,
    parents: Vec<usize>,
}

/// The commits that were met so far. They stay when the next walk starts.
struct Graph<'r> {
    repo: &'r Repo,
    nodes: Vec<Node>,
    index: HashMap<Oid, usize>,
    paths: Paths<'r>,
}

impl<'r> Graph<'r> {
    fn node(&mut self, id: Oid) -> usize {
        *self.index.entry(id).or_insert_with(|| {
            self.nodes.push(Node { id, body: None, found: None });
            self.nodes.len() - 1
        })
    }

    /// Reads a commit, if it was not read before.
    fn body(&mut self, at: usize) -> Result<&Body, RepoError> {
        if self.nodes[at].body.is_none() {
            let commit = self.commit(at)?;
            let parents = commit.parent_ids().map(|it| self.node(it)).collect();
            let body = Body { tree: commit.tree_id(), time: commit.time().seconds(), parents };
            self.nodes[at].body = Some(body);
        }
        Ok(self.nodes[at].body.as_ref().expect("read above"))
    }

    /// The parents, as far as the commit was read.
    fn parents(&self, at: usize) -> &[usize] {
        self.nodes[at].body.as_ref().map_or(&[], |it| &it.parents)
    }

    fn commit(&self, at: usize) -> Result<git2::Commit<'r>, RepoError> {
        let id = self.nodes[at].id;
        self.repo.commit(id, "a commit of the history")
    }

    fn link(&self, at: usize) -> Result<CommitNode, RepoError> {
        let parents = self.parents(at);
        let is_merge = parents.len() > 1;
        let merge_subject =
            if is_merge { Some(message::split(&message::text(&self.commit(at)?)).0) } else { None };
        let parents = parents.iter().map(|&it| commit_id(self.nodes[it].id)).collect();
        Ok(CommitNode { id: commit_id(self.nodes[at].id), parents, merge_subject })
    }

    fn look(&mut self, at: usize) -> Result<(), RepoError> {
        if self.nodes[at].found.is_none() {
            let tree = self.body(at)?.tree;
            self.nodes[at].found = Some(self.paths.find(tree)?);
        }
        Ok(())
    }

    /// Whether the path filters see no difference between two commits.
    fn same(&mut self, a: usize, b: usize) -> Result<bool, RepoError> {
        self.look(a)?;
        self.look(b)?;
        Ok(self.nodes[a].found == self.nodes[b].found)
    }

    fn is_empty(&mut self, at: usize) -> Result<bool, RepoError> {
        self.look(at)?;
        Ok(self.nodes[at].found.iter().flatten().all(Option::is_none))
    }
}

/// What a walk knows of a commit.
#[derive(Default, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "git's flags of a commit, each set by itself")]
struct Mark {
    uninteresting: bool,
    seen: bool,
    /// Whether the path filters see no change in it.
    same: bool,
    /// Whether this walk has read it: an earlier walk may have, and git's walk goes by what it has read itself.
    read: bool,
    /// Whether its parents were looked at.
    done: bool,
    /// The one parent that the walk goes on to, where it takes everything from that one.
    only: Option<usize>,
}

struct Walk<'g, 'r> {
    graph: &'g mut Graph<'r>,
    filter: bool,
    /// Where the walk was told to stop.
    bottom: Option<usize>,
    marks: Vec<Mark>,
    queue: BinaryHeap<(i64, Reverse<usize>, usize)>,
    queued: usize,
}

impl<'g, 'r> Walk<'g, 'r> {
    fn new(graph: &'g mut Graph<'r>, filter: bool) -> Self {
        Self { graph, filter, bottom: None, marks: Vec::new(), queue: BinaryHeap::new(), queued: 0 }
    }

    /// The commits to show, newest first.
    fn run(mut self, tip: usize, bottom: Option<usize>) -> Result<Vec<usize>, RepoError> {
        self.bottom = bottom;
        if let Some(bottom) = bottom {
            self.mark(bottom).uninteresting = true;
            self.enqueue(bottom)?;
            self.spread(bottom);
        }
        self.enqueue(tip)?;
        let mut order = Vec::new();
        let mut date = i64::MAX;
        let mut slop = SLOP;
        while let Some((_, _, at)) = self.queue.pop() {
            self.process_parents(at)?;
            if self.mark(at).uninteresting {
                self.spread(at);
                slop = self.slop_left(date, slop);
                if slop == 0 {
                    break;
                }
                continue;
            }
            date = self.graph.body(at)?.time;
            order.push(at);
        }
        order.retain(|&at| !self.marks[at].uninteresting && !self.marks[at].same);
        Ok(order)
    }

    fn mark(&mut self, at: usize) -> &mut Mark {
        if self.marks.len() <= at {
            self.marks.resize(at + 1, Mark::default());
        }
        &mut self.marks[at]
    }

    fn enqueue(&mut self, at: usize) -> Result<(), RepoError> {
        let time = self.graph.body(at)?.time;
        self.mark(at).read = true;
        if !std::mem::replace(&mut self.mark(at).seen, true) {
            self.queued += 1;
            self.queue.push((time, Reverse(self.queued), at));
        }
        Ok(())
    }

    /// The parents that the walk goes on to; none as long as it has not read the commit.
    fn parents(&self, at: usize) -> Vec<usize> {
        match self.marks.get(at) {
            Some(Mark { only: Some(only), .. }) => vec![*only],
            Some(Mark { read: true, .. }) => self.graph.parents(at).to_vec(),
            _ => Vec::new(),
        }
    }

    fn process_parents(&mut self, at: usize) -> Result<(), RepoError> {
        if std::mem::replace(&mut self.mark(at).done, true) {
            return Ok(());
        }
        if !self.mark(at).uninteresting && self.filter {
            self.simplify(at)?;
        }
        for parent in self.parents(at) {
            self.enqueue(parent)?;
            if self.mark(at).uninteresting {
                self.mark(parent).uninteresting = true;
                self.spread(parent);
            }
        }
        Ok(())
    }

    /// Marks the ancestors, as far as this walk has read commits, as uninteresting.
    fn spread(&mut self, at: usize) {
        let mut todo = self.parents(at);
        while let Some(parent) = todo.pop() {
            if !std::mem::replace(&mut self.mark(parent).uninteresting, true) {
                todo.extend(self.parents(parent));
            }
        }
    }

    /// Compares a commit with its parents, and follows only the one that it takes everything from.
    fn simplify(&mut self, at: usize) -> Result<(), RepoError> {
        let parents = self.parents(at);
        if parents.is_empty() {
            self.mark(at).same = self.graph.is_empty(at)?;
            return Ok(());
        }
        let (mut relevant_parents, mut relevant_change, mut other_change) = (false, false, false);
        for parent in parents {
            let relevant = !self.mark(parent).uninteresting || self.bottom == Some(parent);
            relevant_parents |= relevant;
            if self.graph.same(parent, at)? {
                if relevant {
                    let mark = self.mark(at);
                    (mark.only, mark.same) = (Some(parent), true);
                    return Ok(());
                }
            } else if relevant {
                relevant_change = true;
            } else {
                other_change = true;
            }
        }
        self.mark(at).same = if relevant_parents { !relevant_change } else { !other_change };
        Ok(())
    }

    /// How far the walk goes on although what it met is uninteresting: as long as something interesting may follow.
    fn slop_left(&self, date: i64, slop: usize) -> usize {
        match self.queue.peek() {
            None => 0,
            Some((newest, ..)) if date <= *newest => SLOP,
            _ if self.queue.iter().any(|(_, _, at)| !self.marks[*at].uninteresting) => SLOP,
            _ => slop - 1,
        }
    }
}
