//! The commits of a release, in the order of `git log --no-merges SINCE..COMMIT -- PATHS`.
//!
//! This is the walk of git (`limit_list` and `try_to_simplify_commit` in git's `revision.c`): newest first by
//! committer time. With path filters, a merge that does not differ from one of its parents is followed to that parent
//! only ("history simplification" in `git help log`).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use git2::{Mailmap, Oid};
use model::release::changelog::{CommitHistory, CommitNode};
use model::{CommitId, RepoPath};

use crate::error::RepoError;
use crate::error::object_error;
use crate::message;
use crate::object_ids::{commit_id, oid};
use crate::paths::{PathEntry, PathLookup};
use crate::repository::Repo;

/// The number of commits to walk past the last interesting one, because commit times may be wrong. git's `SLOP`.
const SLOP: usize = 5;

impl Repo {
    /// Returns the commits that are reachable from `commit` and not from `since`, newest first. Merges are only in
    /// the graph. With `paths`, the list contains only commits that change one of them; the graph is not filtered.
    ///
    /// # Errors
    /// [`RepoError::ObjectNotFound`] for an object that is not in the clone. The list is never cut short instead.
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
            paths: PathLookup::new(&self.git, paths),
        };
        let tip = graph.node(oid(commit.object()));
        let bottom = since.map(|it| graph.node(oid(it.object())));
        let all = RevisionWalk::new(&mut graph, false).run(tip, bottom)?;
        let listed = if paths.is_empty() {
            all.clone()
        } else {
            RevisionWalk::new(&mut graph, true).run(tip, bottom)?
        };
        let commit_nodes = all.iter().map(|&it| graph.commit_node(it)).collect::<Result<_, _>>()?;
        let mailmap = self.mailmap(commit)?;
        let commits = listed
            .into_iter()
            .filter(|&it| graph.parents(it).len() < 2)
            .map(|it| Ok(message::changelog_commit(&graph.commit(it)?, mailmap.as_ref())))
            .collect::<Result<_, _>>()?;
        Ok(CommitHistory { commits, graph: commit_nodes })
    }

    /// Whether `ancestor` is `commit` or one of its ancestors.
    ///
    /// # Errors
    /// [`RepoError::ObjectNotFound`] if a commit of the history is not in the clone.
    pub fn is_ancestor(&self, ancestor: CommitId, commit: CommitId) -> Result<bool, RepoError> {
        let (old, new) = (oid(ancestor.object()), oid(commit.object()));
        if old == new {
            return Ok(true);
        }
        self.git.graph_descendant_of(new, old).map_err(object_error(new, "the ancestry of a commit"))
    }

    /// Returns the `.mailmap` of the commit, not of the work tree, so that names are the same on every machine.
    /// `None` if the commit has none.
    fn mailmap(&self, commit: CommitId) -> Result<Option<Mailmap>, RepoError> {
        let Some(bytes) = self.file(commit, ".mailmap")? else { return Ok(None) };
        Ok(Mailmap::from_buffer(&String::from_utf8_lossy(&bytes)).ok())
    }
}

/// A commit in the graph, read on demand.
struct GraphNode {
    id: Oid,
    /// `None` until the commit is read: at first only its id is known, as the parent of another commit.
    header: Option<CommitHeader>,
    /// The entries of the path filters in the commit's tree. `None` until they are needed.
    path_entries: Option<Vec<PathEntry>>,
}

/// The fields of a commit that the walk uses. Parents are indexes of nodes.
#[derive(Clone)]
struct CommitHeader {
    tree: Oid,
    time: i64,
    parents: Vec<usize>,
}

/// The commits that were found so far. They are kept for the next walk, so that no commit is read twice.
struct Graph<'r> {
    repo: &'r Repo,
    nodes: Vec<GraphNode>,
    index: HashMap<Oid, usize>,
    paths: PathLookup<'r>,
}

impl<'r> Graph<'r> {
    /// Returns the index of a commit, and adds it if it is new.
    fn node(&mut self, id: Oid) -> usize {
        *self.index.entry(id).or_insert_with(|| {
            self.nodes.push(GraphNode { id, header: None, path_entries: None });
            self.nodes.len() - 1
        })
    }

    /// Returns the header of a commit, and reads the commit if necessary.
    fn header(&mut self, node: usize) -> Result<&CommitHeader, RepoError> {
        if self.nodes[node].header.is_none() {
            let commit = self.commit(node)?;
            let parents = commit.parent_ids().map(|it| self.node(it)).collect();
            let header = CommitHeader { tree: commit.tree_id(), time: commit.time().seconds(), parents };
            self.nodes[node].header = Some(header);
        }
        Ok(self.nodes[node].header.as_ref().expect("read above"))
    }

    /// The parents of a commit. Empty if the commit was not read yet.
    fn parents(&self, node: usize) -> &[usize] {
        self.nodes[node].header.as_ref().map_or(&[], |it| &it.parents)
    }

    fn commit(&self, node: usize) -> Result<git2::Commit<'r>, RepoError> {
        let id = self.nodes[node].id;
        self.repo.commit(id, "a commit of the history")
    }

    /// Returns the commit with its parents. Only merges get their subject, which names the pull request.
    fn commit_node(&self, node: usize) -> Result<CommitNode, RepoError> {
        let parents = self.parents(node);
        let is_merge = parents.len() > 1;
        let merge_subject =
            if is_merge { Some(message::split_message(&message::text(&self.commit(node)?)).0) } else { None };
        let parents = parents.iter().map(|&it| commit_id(self.nodes[it].id)).collect();
        Ok(CommitNode { id: commit_id(self.nodes[node].id), parents, merge_subject })
    }

    fn load_path_entries(&mut self, node: usize) -> Result<(), RepoError> {
        if self.nodes[node].path_entries.is_none() {
            let tree = self.header(node)?.tree;
            self.nodes[node].path_entries = Some(self.paths.find(tree)?);
        }
        Ok(())
    }

    /// Whether two commits do not differ in the filtered paths (git's `TREESAME`).
    fn is_treesame(&mut self, a: usize, b: usize) -> Result<bool, RepoError> {
        self.load_path_entries(a)?;
        self.load_path_entries(b)?;
        Ok(self.nodes[a].path_entries == self.nodes[b].path_entries)
    }

    /// Whether a commit has none of the filtered paths, as for a root commit that does not change them.
    fn is_treesame_to_empty(&mut self, node: usize) -> Result<bool, RepoError> {
        self.load_path_entries(node)?;
        Ok(self.nodes[node].path_entries.iter().flatten().all(Option::is_none))
    }
}

/// The state of a commit in one walk: the flags of git's `revision.h`.
#[derive(Default, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "git's flags of a commit, each set by itself")]
struct CommitFlags {
    /// Whether it is reachable from the bottom commit, and so excluded.
    uninteresting: bool,
    /// Whether it was added to the queue.
    seen: bool,
    /// Whether it does not change the filtered paths.
    treesame: bool,
    /// Whether this walk has read it. An earlier walk may have read it too, but git's result depends on what the
    /// current walk has read.
    parsed: bool,
    /// Whether its parents were processed.
    parents_added: bool,
    /// The only parent that the walk follows, if the commit does not differ from that parent.
    followed_parent: Option<usize>,
}

/// One walk over the graph, as in git's `limit_list`.
struct RevisionWalk<'g, 'r> {
    graph: &'g mut Graph<'r>,
    has_path_filters: bool,
    /// The commit that is excluded with its ancestors. `None` to walk to the root commits.
    bottom: Option<usize>,
    flags: Vec<CommitFlags>,
    /// Commits to process, newest first; of several with the same time, the one that was queued first.
    queue: BinaryHeap<(i64, Reverse<usize>, usize)>,
    queued: usize,
}

impl<'g, 'r> RevisionWalk<'g, 'r> {
    fn new(graph: &'g mut Graph<'r>, has_path_filters: bool) -> Self {
        Self { graph, has_path_filters, bottom: None, flags: Vec::new(), queue: BinaryHeap::new(), queued: 0 }
    }

    /// Runs the walk, and returns the listed commits, newest first.
    fn run(mut self, tip: usize, bottom: Option<usize>) -> Result<Vec<usize>, RepoError> {
        self.bottom = bottom;
        if let Some(bottom) = bottom {
            self.flags(bottom).uninteresting = true;
            self.enqueue(bottom)?;
            self.mark_parents_uninteresting(bottom);
        }
        self.enqueue(tip)?;
        let mut order = Vec::new();
        let mut date = i64::MAX;
        let mut slop = SLOP;
        while let Some((_, _, node)) = self.queue.pop() {
            self.process_parents(node)?;
            if self.flags(node).uninteresting {
                self.mark_parents_uninteresting(node);
                slop = self.slop_left(date, slop);
                if slop == 0 {
                    break;
                }
                continue;
            }
            date = self.graph.header(node)?.time;
            order.push(node);
        }
        order.retain(|&node| !self.flags[node].uninteresting && !self.flags[node].treesame);
        Ok(order)
    }

    fn flags(&mut self, node: usize) -> &mut CommitFlags {
        if self.flags.len() <= node {
            self.flags.resize(node + 1, CommitFlags::default());
        }
        &mut self.flags[node]
    }

    fn enqueue(&mut self, node: usize) -> Result<(), RepoError> {
        let time = self.graph.header(node)?.time;
        self.flags(node).parsed = true;
        if !std::mem::replace(&mut self.flags(node).seen, true) {
            self.queued += 1;
            self.queue.push((time, Reverse(self.queued), node));
        }
        Ok(())
    }

    /// The parents that this walk follows. Empty if this walk has not read the commit yet.
    fn parents(&self, node: usize) -> Vec<usize> {
        match self.flags.get(node) {
            Some(CommitFlags { followed_parent: Some(parent), .. }) => vec![*parent],
            Some(CommitFlags { parsed: true, .. }) => self.graph.parents(node).to_vec(),
            _ => Vec::new(),
        }
    }

    /// Adds the parents of a commit to the queue, once (git's `process_parents`).
    fn process_parents(&mut self, node: usize) -> Result<(), RepoError> {
        if std::mem::replace(&mut self.flags(node).parents_added, true) {
            return Ok(());
        }
        if !self.flags(node).uninteresting && self.has_path_filters {
            self.simplify(node)?;
        }
        for parent in self.parents(node) {
            self.enqueue(parent)?;
            if self.flags(node).uninteresting {
                self.flags(parent).uninteresting = true;
                self.mark_parents_uninteresting(parent);
            }
        }
        Ok(())
    }

    /// Marks the ancestors as uninteresting, as far as this walk has read them.
    fn mark_parents_uninteresting(&mut self, node: usize) {
        let mut todo = self.parents(node);
        while let Some(parent) = todo.pop() {
            if !std::mem::replace(&mut self.flags(parent).uninteresting, true) {
                todo.extend(self.parents(parent));
            }
        }
    }

    /// Compares a commit with its parents. If it does not differ from one of them, the walk follows only that parent.
    fn simplify(&mut self, node: usize) -> Result<(), RepoError> {
        let parents = self.parents(node);
        if parents.is_empty() {
            self.flags(node).treesame = self.graph.is_treesame_to_empty(node)?;
            return Ok(());
        }
        let (mut relevant_parents, mut relevant_change, mut other_change) = (false, false, false);
        for parent in parents {
            let relevant = !self.flags(parent).uninteresting || self.bottom == Some(parent);
            relevant_parents |= relevant;
            if self.graph.is_treesame(parent, node)? {
                if relevant {
                    let flags = self.flags(node);
                    (flags.followed_parent, flags.treesame) = (Some(parent), true);
                    return Ok(());
                }
            } else if relevant {
                relevant_change = true;
            } else {
                other_change = true;
            }
        }
        self.flags(node).treesame = if relevant_parents { !relevant_change } else { !other_change };
        Ok(())
    }

    /// Returns how many more uninteresting commits to process. The count starts again as long as interesting commits
    /// may follow (git's `still_interesting`).
    fn slop_left(&self, date: i64, slop: usize) -> usize {
        match self.queue.peek() {
            None => 0,
            Some((newest, ..)) if date <= *newest => SLOP,
            _ if self.queue.iter().any(|(_, _, node)| !self.flags[*node].uninteresting) => SLOP,
            _ => slop - 1,
        }
    }
}
