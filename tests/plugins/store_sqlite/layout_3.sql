-- A file of layout 3 as its release wrote it: three runs, the first from before there was a feed; a fourth, newest of
-- all, is deleted.
PRAGMA application_id = 1178681938;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE blob_puts (
	digest TEXT NOT NULL, 
	put_ms INTEGER NOT NULL, 
	PRIMARY KEY (digest)
)
 WITHOUT ROWID;
CREATE TABLE blobs (
	digest TEXT NOT NULL, 
	body BLOB NOT NULL, 
	PRIMARY KEY (digest)
);
CREATE TABLE change_counter (
	newest INTEGER NOT NULL
);
INSERT INTO "change_counter" VALUES(8);
CREATE TABLE documents (
	revision INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	collection TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	body BLOB NOT NULL, 
	owner TEXT, 
	expires_ms INTEGER, 
	updated_ms INTEGER NOT NULL, 
	UNIQUE (collection, "key")
);
CREATE TABLE event_tags (
	run INTEGER NOT NULL, 
	tag TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	PRIMARY KEY (run, tag, seq)
)
 WITHOUT ROWID;
INSERT INTO "event_tags" VALUES(1,'stage:build@1',2);
INSERT INTO "event_tags" VALUES(2,'session:s',3);
INSERT INTO "event_tags" VALUES(2,'stage:build@1',2);
INSERT INTO "event_tags" VALUES(2,'stage:build@1',3);
INSERT INTO "event_tags" VALUES(3,'stage:build@1',2);
CREATE TABLE events (
	run INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	tags TEXT, 
	body BLOB NOT NULL, 
	change_no INTEGER, 
	PRIMARY KEY (run, seq)
)
 WITHOUT ROWID;
INSERT INTO "events" VALUES(1,1,'run.running',NULL,X'7B22736571223A317D',NULL);
INSERT INTO "events" VALUES(1,2,'run.running','["stage:build@1"]',X'7B22736571223A327D',NULL);
INSERT INTO "events" VALUES(2,1,'run.running',NULL,X'7B22736571223A317D',3);
INSERT INTO "events" VALUES(2,2,'run.running','["stage:build@1"]',X'7B22736571223A327D',4);
INSERT INTO "events" VALUES(2,3,'run.running','["stage:build@1","session:s"]',X'7B22736571223A337D',7);
INSERT INTO "events" VALUES(3,1,'run.running',NULL,X'7B22736571223A317D',5);
INSERT INTO "events" VALUES(3,2,'run.running','["stage:build@1"]',X'7B22736571223A327D',6);
CREATE TABLE run_counts (
	scope TEXT NOT NULL, 
	bucket INTEGER NOT NULL, 
	n INTEGER NOT NULL, 
	PRIMARY KEY (scope, bucket)
)
 WITHOUT ROWID;
INSERT INTO "run_counts" VALUES('all',0,3);
INSERT INTO "run_counts" VALUES('parent:00000000000000000000000001',0,1);
CREATE TABLE runs (
	run INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	bucket INTEGER NOT NULL, 
	created_ms INTEGER NOT NULL, 
	updated_ms INTEGER NOT NULL, 
	begun_ms INTEGER NOT NULL, 
	elapsed_ms INTEGER, 
	repo_key TEXT NOT NULL, 
	title_key TEXT NOT NULL, 
	workflow_key TEXT NOT NULL, 
	changes INTEGER NOT NULL, 
	size INTEGER NOT NULL, 
	workflow TEXT NOT NULL, 
	parent_id TEXT, 
	automation_id TEXT, 
	children_count INTEGER NOT NULL, 
	change_no INTEGER NOT NULL, 
	body BLOB NOT NULL, 
	PRIMARY KEY (run)
);
INSERT INTO "runs" VALUES(1,'00000000000000000000000001',2,0,1772446530250,1772446530250,1772446530250,NULL,'acme/shop','ship it','deploy',0,0,'[null,null]',NULL,NULL,1,2,X'7B226964223A223030303030303030303030303030303030303030303030303031227D');
INSERT INTO "runs" VALUES(2,'00000000000000000000000002',3,0,1772446530250,1772446530250,1772446530250,NULL,'acme/shop','ship it','deploy',0,0,'[null,null]',NULL,NULL,0,7,X'7B226964223A223030303030303030303030303030303030303030303030303032227D');
INSERT INTO "runs" VALUES(3,'00000000000000000000000003',2,0,1772446530250,1772446530250,1772446530250,NULL,'acme/shop','ship it','deploy',0,0,'[null,null]','00000000000000000000000001',NULL,0,6,X'7B226964223A223030303030303030303030303030303030303030303030303033227D');
CREATE TABLE states (
	run INTEGER NOT NULL, 
	state BLOB NOT NULL, 
	PRIMARY KEY (run)
);
INSERT INTO "states" VALUES(1,X'7B227374617465223A317D');
INSERT INTO "states" VALUES(2,X'7B227374617465223A317D');
INSERT INTO "states" VALUES(3,X'7B227374617465223A317D');
CREATE INDEX documents_by_expiry ON documents (expires_ms) WHERE expires_ms IS NOT NULL;
CREATE INDEX documents_by_owner ON documents (collection, owner, "key");
CREATE UNIQUE INDEX events_by_change ON events (change_no) WHERE change_no IS NOT NULL;
CREATE INDEX runs_by_automation ON runs (automation_id) WHERE automation_id IS NOT NULL;
CREATE INDEX runs_by_begun_ms ON runs (bucket, begun_ms, id DESC, elapsed_ms) WHERE elapsed_ms IS NULL;
CREATE UNIQUE INDEX runs_by_change ON runs (change_no);
CREATE INDEX runs_by_changes_asc ON runs (bucket, changes, id DESC);
CREATE INDEX runs_by_changes_desc ON runs (bucket, changes, id);
CREATE INDEX runs_by_created_ms ON runs (bucket, created_ms, id);
CREATE INDEX runs_by_elapsed_ms ON runs (bucket, elapsed_ms, id) WHERE elapsed_ms IS NOT NULL;
CREATE UNIQUE INDEX runs_by_id ON runs (id);
CREATE INDEX runs_by_parent ON runs (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX runs_by_repo_key_asc ON runs (bucket, repo_key, id DESC);
CREATE INDEX runs_by_repo_key_desc ON runs (bucket, repo_key, id);
CREATE INDEX runs_by_size_asc ON runs (bucket, size, id DESC);
CREATE INDEX runs_by_size_desc ON runs (bucket, size, id);
CREATE INDEX runs_by_status ON runs (bucket, id);
CREATE INDEX runs_by_title_key_asc ON runs (bucket, title_key, id DESC);
CREATE INDEX runs_by_title_key_desc ON runs (bucket, title_key, id);
CREATE INDEX runs_by_updated_ms ON runs (bucket, updated_ms, id);
CREATE INDEX runs_by_workflow ON runs (workflow, id);
CREATE INDEX runs_by_workflow_key_asc ON runs (bucket, workflow_key, id DESC);
CREATE INDEX runs_by_workflow_key_desc ON runs (bucket, workflow_key, id);
CREATE INDEX runs_on_shelf ON runs (created_ms, id, bucket) WHERE bucket <= 6;
DELETE FROM "sqlite_sequence";
COMMIT;
