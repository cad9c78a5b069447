-- Copyright (c) 2026, the self_healing.devops authors
-- GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later
-- A journal of schema version 1, as the release 0.1.0 wrote it. Frozen: what was written once has to be readable for ever.
-- SQLite and PostgreSQL both take it; the column that PostgreSQL declares in another way is marked.
BEGIN TRANSACTION;
CREATE TABLE journal_schema (
	version INTEGER NOT NULL /* postgresql: SERIAL */,
	PRIMARY KEY (version)
);
INSERT INTO "journal_schema" VALUES(1);
CREATE TABLE incidents (
	id VARCHAR(13) NOT NULL,
	source TEXT NOT NULL,
	state VARCHAR(16) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	severity VARCHAR(16) NOT NULL,
	status VARCHAR(16) NOT NULL,
	service VARCHAR(64),
	target TEXT,
	version INTEGER NOT NULL,
	duplicates INTEGER NOT NULL,
	opened_at VARCHAR(24) NOT NULL,
	updated_at VARCHAR(24) NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO "incidents" VALUES('idzz67vvda5tf','dynatrace','closed','process_crash','critical','resolved','shop','shop-01',17,2,'2026-11-22T10:00:00.250Z','2026-11-22T10:00:12.250Z');
INSERT INTO "incidents" VALUES('ionqyolpiric6','dynatrace','asked','process_crash','critical','open',NULL,'shop-01',3,0,'2026-11-22T10:00:13.250Z','2026-11-22T10:00:15.750Z');
INSERT INTO "incidents" VALUES('injirayq63vsd','dynatrace','healing','process_crash','high','open','shop','shop-02',6,0,'2026-11-22T10:00:16.500Z','2026-11-22T10:00:20.500Z');
INSERT INTO "incidents" VALUES('ibckzuw6eflqu','dynatrace','held','process_crash','critical','open','shop',NULL,2,0,'2026-11-22T10:00:21.000Z','2026-11-22T10:00:22.750Z');
INSERT INTO "incidents" VALUES('i43xqkzjpjfr6','dynatrace','detected','disk_pressure','medium','open','shop',NULL,2,0,'2026-11-22T10:00:23.000Z','2026-11-22T10:00:24.250Z');
INSERT INTO "incidents" VALUES('i6owtm3nfqojz','dynatrace','stable','other','critical','resolved','shop',NULL,6,0,'2026-11-22T10:00:24.750Z','2026-11-22T10:01:28.000Z');
INSERT INTO "incidents" VALUES('isqmtf7xbx22u','dynatrace','escalated','process_crash','critical','open','shop','shop-03',5,0,'2026-11-22T10:01:28.500Z','2026-11-22T10:01:32.000Z');
CREATE TABLE timeline (
	incident VARCHAR(13) NOT NULL,
	n INTEGER NOT NULL,
	at VARCHAR(24) NOT NULL,
	actor TEXT NOT NULL,
	kind VARCHAR(24) NOT NULL,
	text TEXT NOT NULL,
	data JSON NOT NULL,
	"key" TEXT,
	PRIMARY KEY (incident, n),
	CONSTRAINT timeline_key UNIQUE (incident, "key"),
	FOREIGN KEY(incident) REFERENCES incidents (id)
);
INSERT INTO "timeline" VALUES('idzz67vvda5tf',1,'2026-11-22T10:00:00.500Z','dynatrace','detected','dynatrace reported P-2611001 (process_crash, critical): Process unavailable','{"source": "dynatrace", "tenant": "", "problem_id": "-6478017825120311599_1641223491837V2", "display_id": "P-2611001", "status": "open", "title": "Process unavailable", "kind": "process_crash", "severity": "critical", "service": "shop", "url": "https://dynatrace.example/#problems/problemdetails;pid=1", "entities": [{"id": "PROCESS_GROUP_INSTANCE-1", "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}, {"id": "HOST-1", "type": "HOST", "name": "shop-01"}], "root_cause": {"id": "PROCESS_GROUP_INSTANCE-1", "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}, "tags": ["team:shop"], "opened_at": "2026-11-22T10:00:00.000Z", "resolved_at": null}','detected');
INSERT INTO "timeline" VALUES('idzz67vvda5tf',2,'2026-11-22T10:00:01.750Z','self-healing','decided','Asking: Restart process, Take over, Escalate, Snooze','{"verdict": "ask", "reason": null, "remedy": "process_restart", "target": "shop-01", "options": [{"name": "process_restart", "label": "Restart process", "text": "restarts the service on shop-01 and checks that it stays up", "role": "self_healing.devops.process_restart"}, {"name": "take_over", "label": "Take over", "text": "automation keeps its hands off", "role": null}, {"name": "escalate", "label": "Escalate", "text": "calls the next responder", "role": null}, {"name": "snooze", "label": "Snooze", "text": "asks again in 30 minutes", "role": null}], "checks": [{"name": "monitored", "passed": true, "text": "yes", "reason": null}, {"name": "still open", "passed": true, "text": "yes", "reason": null}, {"name": "managed host", "passed": true, "text": "shop-01, found by its entity id", "reason": null}, {"name": "not stopped", "passed": true, "text": "yes", "reason": null}, {"name": "not frozen", "passed": true, "text": "yes", "reason": null}, {"name": "nobody at work", "passed": true, "text": "yes", "reason": null}, {"name": "attempts left", "passed": true, "text": "0 of 2 attempts this hour", "reason": "budget"}, {"name": "remedy works", "passed": true, "text": "yes", "reason": null}, {"name": "few unhealthy", "passed": true, "text": "1 of 3 hosts unhealthy", "reason": "too_sick"}, {"name": "autonomy", "passed": true, "text": "process_restart at severity critical may ask", "reason": null}], "text": "Asking: Restart process, Take over, Escalate, Snooze"}',NULL);
INSERT INTO "timeline" VALUES('idzz67vvda5tf',3,'2026-11-22T10:00:02.750Z','self-healing','shown','jira shows OPS-1','{"tool": "jira", "id": "OPS-1", "url": "https://jira.example/OPS-1"}','shown:jira:OPS-1');
INSERT INTO "timeline" VALUES('idzz67vvda5tf',4,'2026-11-22T10:00:03.500Z','self-healing','shown','slack shows C01','{"tool": "slack", "id": "C01", "url": "https://slack.example/C01"}','shown:slack:C01');
INSERT INTO "timeline" VALUES('idzz67vvda5tf',5,'2026-11-22T10:00:04.250Z','Ana Berg','answered','Ana Berg chose ''Restart process'' on xmatters','{"option": "process_restart", "label": "Restart process", "responder": "Ana Berg", "channel": "xmatters", "alert": "e-1", "comment": null, "at": "2026-11-22T10:00:04.000Z"}','answer:xmatters:1');
INSERT INTO "timeline" VALUES('idzz67vvda5tf',6,'2026-11-22T10:00:05.500Z','self-healing','claimed','Healing starts: Restart process on shop-01','{"worker": "runner-1:4711", "until": "2026-11-22T10:15:05.250Z", "remedy": "process_restart", "role": "self_healing.devops.process_restart", "target": "shop-01", "resumed": false}',NULL);
INSERT INTO "timeline" VALUES('idzz67vvda5tf',7,'2026-11-22T10:00:06.000Z','self-healing','diagnosed','Found shop-01 not healthy: up 0','{"phase": "before", "healthy": false, "figures": {"up": 0, "response_ms": null}, "text": "Unit shop.service: failed; ''exit-code''", "host": "shop-01"}','diagnosed:1:2026-11-22T10:15:05.250Z');
INSERT INTO "timeline" VALUES('idzz67vvda5tf',8,'2026-11-22T10:00:06.500Z','self-healing','fix_started','process_restart starts on shop-01','{"remedy": "process_restart"}','fix_started:1');
INSERT INTO "timeline" VALUES('idzz67vvda5tf',9,'2026-11-22T10:00:07.000Z','self-healing','fixed','process_restart ran on shop-01','{"remedy": "process_restart", "changed": true}','fixed:1');
INSERT INTO "timeline" VALUES('idzz67vvda5tf',10,'2026-11-22T10:00:08.000Z','self-healing','evidence_after','Then shop-01 healthy: up 1, response_ms 3.5','{"phase": "after", "healthy": true, "figures": {"up": 1, "response_ms": 3.5}, "text": "", "host": "shop-01"}','evidence_after:1:2026-11-22T10:15:05.250Z');
INSERT INTO "timeline" VALUES('idzz67vvda5tf',11,'2026-11-22T10:00:08.500Z','self-healing','verified','Verified on shop-01: up 0 → 1, response_ms – → 3.5','{}','verified:1');
INSERT INTO "timeline" VALUES('idzz67vvda5tf',12,'2026-11-22T10:00:09.000Z','self-healing','released','runner-1:4711 is done with shop-01','{}','released:2026-11-22T10:15:05.250Z');
INSERT INTO "timeline" VALUES('idzz67vvda5tf',13,'2026-11-22T10:00:09.500Z','dynatrace','resolved','dynatrace closed the problem P-2611001','{"status": "resolved", "resolved_at": "2026-11-22T10:00:09.250Z"}','resolved:0');
INSERT INTO "timeline" VALUES('idzz67vvda5tf',14,'2026-11-22T10:00:09.750Z','self-healing','stable','Stable: our probe and the monitoring system agree','{}','stable:0');
INSERT INTO "timeline" VALUES('idzz67vvda5tf',15,'2026-11-22T10:00:10.750Z','self-healing','attached','transcript.md was kept (43 bytes)','{}','attached:df89ac132c77fd8799cc56f2b48de4946d5e3032affaefc169fd50aadf26f4e7');
INSERT INTO "timeline" VALUES('idzz67vvda5tf',16,'2026-11-22T10:00:11.500Z','self-healing','attached','log.txt was kept (26 bytes)','{}','attached:44868f26172a0d45a3e6d5779de89da2572679cd221eb3d05ccd051f4ff1e067');
INSERT INTO "timeline" VALUES('idzz67vvda5tf',17,'2026-11-22T10:00:12.000Z','self-healing','closed','Closed: stable 9.2 s after detection','{}','closed:0');
INSERT INTO "timeline" VALUES('ionqyolpiric6',1,'2026-11-22T10:00:13.500Z','dynatrace','detected','dynatrace reported P-2611002 (process_crash, critical): Größe {{ lookup(''pipe'', ''id'') }}; it''s "full"','{"source": "dynatrace", "tenant": "", "problem_id": "2V2", "display_id": "P-2611002", "status": "open", "title": "Gr\u00f6\u00dfe {{ lookup(''pipe'', ''id'') }}; it''s \"full\"", "kind": "process_crash", "severity": "critical", "service": null, "url": "https://dynatrace.example/#problems/problemdetails;pid=1", "entities": [{"id": "PROCESS_GROUP_INSTANCE-1", "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}, {"id": "HOST-1", "type": "HOST", "name": "shop-01"}], "root_cause": {"id": "PROCESS_GROUP_INSTANCE-1", "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}, "tags": ["team:shop"], "opened_at": "2026-11-22T10:00:00.000Z", "resolved_at": null}','detected');
INSERT INTO "timeline" VALUES('ionqyolpiric6',2,'2026-11-22T10:00:14.500Z','self-healing','decided','Asking: Restart process, Take over, Escalate, Snooze','{"verdict": "ask", "reason": null, "remedy": "process_restart", "target": "shop-01", "options": [{"name": "process_restart", "label": "Restart process", "text": "restarts the service on shop-01 and checks that it stays up", "role": "self_healing.devops.process_restart"}, {"name": "take_over", "label": "Take over", "text": "automation keeps its hands off", "role": null}, {"name": "escalate", "label": "Escalate", "text": "calls the next responder", "role": null}, {"name": "snooze", "label": "Snooze", "text": "asks again in 30 minutes", "role": null}], "checks": [{"name": "monitored", "passed": true, "text": "yes", "reason": null}, {"name": "still open", "passed": true, "text": "yes", "reason": null}, {"name": "managed host", "passed": true, "text": "shop-01, found by its entity id", "reason": null}, {"name": "not stopped", "passed": true, "text": "yes", "reason": null}, {"name": "not frozen", "passed": true, "text": "yes", "reason": null}, {"name": "nobody at work", "passed": true, "text": "yes", "reason": null}, {"name": "attempts left", "passed": true, "text": "0 of 2 attempts this hour", "reason": "budget"}, {"name": "remedy works", "passed": true, "text": "yes", "reason": null}, {"name": "few unhealthy", "passed": true, "text": "1 of 3 hosts unhealthy", "reason": "too_sick"}, {"name": "autonomy", "passed": true, "text": "process_restart at severity critical may ask", "reason": null}], "text": "Asking: Restart process, Take over, Escalate, Snooze"}',NULL);
INSERT INTO "timeline" VALUES('ionqyolpiric6',3,'2026-11-22T10:00:15.500Z','self-healing','shown','xmatters shows e-2','{"tool": "xmatters", "id": "e-2", "url": "https://xmatters.example/e-2"}','shown:xmatters:e-2');
INSERT INTO "timeline" VALUES('injirayq63vsd',1,'2026-11-22T10:00:16.750Z','dynatrace','detected','dynatrace reported P-2611003 (process_crash, high): Process unavailable','{"source": "dynatrace", "tenant": "", "problem_id": "3V2", "display_id": "P-2611003", "status": "open", "title": "Process unavailable", "kind": "process_crash", "severity": "high", "service": "shop", "url": "https://dynatrace.example/#problems/problemdetails;pid=1", "entities": [{"id": "PROCESS_GROUP_INSTANCE-1", "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}, {"id": "HOST-1", "type": "HOST", "name": "shop-01"}], "root_cause": {"id": "PROCESS_GROUP_INSTANCE-1", "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}, "tags": ["team:shop"], "opened_at": "2026-11-22T10:00:00.000Z", "resolved_at": null}','detected');
INSERT INTO "timeline" VALUES('injirayq63vsd',2,'2026-11-22T10:00:17.500Z','self-healing','decided','Asking: Restart process, Take over, Escalate, Snooze','{"verdict": "ask", "reason": null, "remedy": "process_restart", "target": "shop-02", "options": [{"name": "process_restart", "label": "Restart process", "text": "restarts the service on shop-02 and checks that it stays up", "role": "self_healing.devops.process_restart"}, {"name": "take_over", "label": "Take over", "text": "automation keeps its hands off", "role": null}, {"name": "escalate", "label": "Escalate", "text": "calls the next responder", "role": null}, {"name": "snooze", "label": "Snooze", "text": "asks again in 30 minutes", "role": null}], "checks": [{"name": "monitored", "passed": true, "text": "yes", "reason": null}, {"name": "still open", "passed": true, "text": "yes", "reason": null}, {"name": "managed host", "passed": true, "text": "shop-02, found by its entity id", "reason": null}, {"name": "not stopped", "passed": true, "text": "yes", "reason": null}, {"name": "not frozen", "passed": true, "text": "yes", "reason": null}, {"name": "nobody at work", "passed": true, "text": "yes", "reason": null}, {"name": "attempts left", "passed": true, "text": "0 of 2 attempts this hour", "reason": "budget"}, {"name": "remedy works", "passed": true, "text": "yes", "reason": null}, {"name": "few unhealthy", "passed": true, "text": "1 of 3 hosts unhealthy", "reason": "too_sick"}, {"name": "autonomy", "passed": true, "text": "process_restart at severity high may ask", "reason": null}], "text": "Asking: Restart process, Take over, Escalate, Snooze"}',NULL);
INSERT INTO "timeline" VALUES('injirayq63vsd',3,'2026-11-22T10:00:18.500Z','Ana Berg','answered','Ana Berg chose ''Restart process'' on xmatters','{"option": "process_restart", "label": "Restart process", "responder": "Ana Berg", "channel": "xmatters", "alert": "e-1", "comment": null, "at": "2026-11-22T10:00:18.250Z"}','answer:xmatters:3');
INSERT INTO "timeline" VALUES('injirayq63vsd',4,'2026-11-22T10:00:19.250Z','self-healing','claimed','Healing starts: Restart process on shop-02','{"worker": "runner-1:4713", "until": "2026-11-22T10:15:19.000Z", "remedy": "process_restart", "role": "self_healing.devops.process_restart", "target": "shop-02", "resumed": false}',NULL);
INSERT INTO "timeline" VALUES('injirayq63vsd',5,'2026-11-22T10:00:19.750Z','self-healing','diagnosed','Found shop-02 not healthy: up 0','{"phase": "before", "healthy": false, "figures": {"up": 0}, "text": "down", "host": "shop-02"}','diagnosed:1:2026-11-22T10:15:19.000Z');
INSERT INTO "timeline" VALUES('injirayq63vsd',6,'2026-11-22T10:00:20.250Z','self-healing','fix_started','process_restart starts on shop-02','{"remedy": "process_restart"}','fix_started:1');
INSERT INTO "timeline" VALUES('ibckzuw6eflqu',1,'2026-11-22T10:00:21.250Z','dynatrace','detected','dynatrace reported P-2611004 (process_crash, critical): Process unavailable','{"source": "dynatrace", "tenant": "", "problem_id": "4V2", "display_id": "P-2611004", "status": "open", "title": "Process unavailable", "kind": "process_crash", "severity": "critical", "service": "shop", "url": "https://dynatrace.example/#problems/problemdetails;pid=1", "entities": [{"id": "PROCESS_GROUP_INSTANCE-1", "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}, {"id": "HOST-1", "type": "HOST", "name": "shop-01"}], "root_cause": {"id": "PROCESS_GROUP_INSTANCE-1", "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}, "tags": ["team:shop"], "opened_at": "2026-11-22T10:00:00.000Z", "resolved_at": null}','detected');
INSERT INTO "timeline" VALUES('ibckzuw6eflqu',2,'2026-11-22T10:00:22.000Z','self-healing','decided','Hands off (unmanaged: no managed host fits the entity)','{"verdict": "hold", "reason": "unmanaged", "remedy": "process_restart", "target": null, "options": [{"name": "take_over", "label": "Take over", "text": "automation keeps its hands off", "role": null}, {"name": "escalate", "label": "Escalate", "text": "calls the next responder", "role": null}, {"name": "snooze", "label": "Snooze", "text": "asks again in 30 minutes", "role": null}], "checks": [{"name": "monitored", "passed": true, "text": "yes", "reason": null}, {"name": "still open", "passed": true, "text": "yes", "reason": null}, {"name": "managed host", "passed": false, "text": "no managed host fits the entity", "reason": "unmanaged"}, {"name": "not stopped", "passed": true, "text": "yes", "reason": null}, {"name": "not frozen", "passed": true, "text": "yes", "reason": null}, {"name": "autonomy", "passed": true, "text": "process_restart at severity critical may ask", "reason": null}], "text": "Hands off (unmanaged: no managed host fits the entity)"}',NULL);
INSERT INTO "timeline" VALUES('i43xqkzjpjfr6',1,'2026-11-22T10:00:23.250Z','dynatrace','detected','dynatrace reported P-2611005 (disk_pressure, low): Process unavailable','{"source": "dynatrace", "tenant": "abc12345", "problem_id": "5V2", "display_id": "P-2611005", "status": "open", "title": "Process unavailable", "kind": "disk_pressure", "severity": "low", "service": "shop", "url": null, "entities": [{"id": "PROCESS_GROUP_INSTANCE-1", "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}, {"id": "HOST-1", "type": "HOST", "name": "shop-01"}], "root_cause": null, "tags": ["team:shop"], "opened_at": null, "resolved_at": null}','detected');
INSERT INTO "timeline" VALUES('i43xqkzjpjfr6',2,'2026-11-22T10:00:24.000Z','dynatrace','updated','dynatrace reports a change: severity low → medium, title is now Low disk space','{"title": "Low disk space", "severity": "medium"}',NULL);
INSERT INTO "timeline" VALUES('i6owtm3nfqojz',1,'2026-11-22T10:00:25.000Z','dynatrace','detected','dynatrace reported P-2611006 (other, critical): Process unavailable','{"source": "dynatrace", "tenant": "", "problem_id": "6V2", "display_id": "P-2611006", "status": "open", "title": "Process unavailable", "kind": "other", "severity": "critical", "service": "shop", "url": "https://dynatrace.example/#problems/problemdetails;pid=1", "entities": [{"id": "PROCESS_GROUP_INSTANCE-1", "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}, {"id": "HOST-1", "type": "HOST", "name": "shop-01"}], "root_cause": {"id": "PROCESS_GROUP_INSTANCE-1", "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}, "tags": ["team:shop"], "opened_at": "2026-11-22T10:00:00.000Z", "resolved_at": null}','detected');
INSERT INTO "timeline" VALUES('i6owtm3nfqojz',2,'2026-11-22T10:00:25.750Z','dynatrace','resolved','dynatrace closed the problem P-2611006','{"status": "resolved", "resolved_at": "2026-11-22T10:00:25.500Z"}','resolved:0');
INSERT INTO "timeline" VALUES('i6owtm3nfqojz',3,'2026-11-22T10:00:26.000Z','self-healing','stable','Stable: the problem ended by itself','{}','stable:0');
INSERT INTO "timeline" VALUES('i6owtm3nfqojz',4,'2026-11-22T10:01:26.750Z','dynatrace','reopened','dynatrace opened the problem P-2611006 again','{"source": "dynatrace", "tenant": "", "problem_id": "6V2", "display_id": "P-2611006", "status": "open", "title": "Process unavailable", "kind": "other", "severity": "critical", "service": "shop", "url": "https://dynatrace.example/#problems/problemdetails;pid=1", "entities": [{"id": "PROCESS_GROUP_INSTANCE-1", "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}, {"id": "HOST-1", "type": "HOST", "name": "shop-01"}], "root_cause": {"id": "PROCESS_GROUP_INSTANCE-1", "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}, "tags": ["team:shop"], "opened_at": "2026-11-22T10:01:26.500Z", "resolved_at": null}','reopened:1');
INSERT INTO "timeline" VALUES('i6owtm3nfqojz',5,'2026-11-22T10:01:27.500Z','dynatrace','resolved','dynatrace closed the problem P-2611006','{"status": "resolved", "resolved_at": "2026-11-22T10:01:27.250Z"}','resolved:1');
INSERT INTO "timeline" VALUES('i6owtm3nfqojz',6,'2026-11-22T10:01:27.750Z','self-healing','stable','Stable: the problem ended by itself','{}','stable:1');
INSERT INTO "timeline" VALUES('isqmtf7xbx22u',1,'2026-11-22T10:01:28.750Z','dynatrace','detected','dynatrace reported P-2611007 (process_crash, critical): Process unavailable','{"source": "dynatrace", "tenant": "", "problem_id": "7V2", "display_id": "P-2611007", "status": "open", "title": "Process unavailable", "kind": "process_crash", "severity": "critical", "service": "shop", "url": "https://dynatrace.example/#problems/problemdetails;pid=1", "entities": [{"id": "PROCESS_GROUP_INSTANCE-1", "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}, {"id": "HOST-1", "type": "HOST", "name": "shop-01"}], "root_cause": {"id": "PROCESS_GROUP_INSTANCE-1", "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}, "tags": ["team:shop"], "opened_at": "2026-11-22T10:00:00.000Z", "resolved_at": null}','detected');
INSERT INTO "timeline" VALUES('isqmtf7xbx22u',2,'2026-11-22T10:01:29.500Z','self-healing','decided','Asking: Restart process, Take over, Escalate, Snooze','{"verdict": "ask", "reason": null, "remedy": "process_restart", "target": "shop-03", "options": [{"name": "process_restart", "label": "Restart process", "text": "restarts the service on shop-03 and checks that it stays up", "role": "self_healing.devops.process_restart"}, {"name": "take_over", "label": "Take over", "text": "automation keeps its hands off", "role": null}, {"name": "escalate", "label": "Escalate", "text": "calls the next responder", "role": null}, {"name": "snooze", "label": "Snooze", "text": "asks again in 30 minutes", "role": null}], "checks": [{"name": "monitored", "passed": true, "text": "yes", "reason": null}, {"name": "still open", "passed": true, "text": "yes", "reason": null}, {"name": "managed host", "passed": true, "text": "shop-03, found by its entity id", "reason": null}, {"name": "not stopped", "passed": true, "text": "yes", "reason": null}, {"name": "not frozen", "passed": true, "text": "yes", "reason": null}, {"name": "nobody at work", "passed": true, "text": "yes", "reason": null}, {"name": "attempts left", "passed": true, "text": "0 of 2 attempts this hour", "reason": "budget"}, {"name": "remedy works", "passed": true, "text": "yes", "reason": null}, {"name": "few unhealthy", "passed": true, "text": "1 of 3 hosts unhealthy", "reason": "too_sick"}, {"name": "autonomy", "passed": true, "text": "process_restart at severity critical may ask", "reason": null}], "text": "Asking: Restart process, Take over, Escalate, Snooze"}',NULL);
INSERT INTO "timeline" VALUES('isqmtf7xbx22u',3,'2026-11-22T10:01:30.500Z','self-healing','escalated','Escalated: nobody answered in time','{"reason": "no_answer"}','no_answer:0');
INSERT INTO "timeline" VALUES('isqmtf7xbx22u',4,'2026-11-22T10:01:31.000Z','self-healing','tool_failed','jira could not be brought up to date: 503','{"tool": "jira"}','tool_failed:jira:3');
INSERT INTO "timeline" VALUES('isqmtf7xbx22u',5,'2026-11-22T10:01:31.750Z','Ana Berg','answered_late','Ana Berg answered on xmatters with something that was not offered: Nonsense','{"option": null, "label": "Nonsense", "responder": "Ana Berg", "channel": "xmatters", "alert": "e-1", "comment": null, "at": "2026-11-22T10:01:31.500Z"}','answer:xmatters:9');
CREATE TABLE due (
	id VARCHAR(33) NOT NULL,
	incident VARCHAR(13) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	name VARCHAR(64) NOT NULL,
	channel VARCHAR(32),
	origin VARCHAR(32) NOT NULL,
	due_at VARCHAR(24) NOT NULL,
	attempts INTEGER NOT NULL,
	leased_until VARCHAR(24),
	settled_at VARCHAR(24),
	PRIMARY KEY (id),
	FOREIGN KEY(incident) REFERENCES incidents (id)
);
INSERT INTO "due" VALUES('d00000000000000000000000000000001','idzz67vvda5tf','problem','opened',NULL,'dynatrace','2026-11-22T10:00:01.000Z',1,'2026-11-22T10:05:01.250Z','2026-11-22T10:00:01.500Z');
INSERT INTO "due" VALUES('d00000000000000000000000000000002','idzz67vvda5tf','timer','no_answer',NULL,'journal','2026-11-22T10:15:02.250Z',0,NULL,NULL);
INSERT INTO "due" VALUES('d00000000000000000000000000000003','idzz67vvda5tf','answer','process_restart','xmatters','answers','2026-11-22T10:00:04.750Z',1,'2026-11-22T10:05:05.000Z','2026-11-22T10:00:05.250Z');
INSERT INTO "due" VALUES('d00000000000000000000000000000004','idzz67vvda5tf','timer','verify_deadline',NULL,'journal','2026-11-22T10:10:07.500Z',0,NULL,NULL);
INSERT INTO "due" VALUES('d00000000000000000000000000000005','idzz67vvda5tf','problem','resolved',NULL,'dynatrace','2026-11-22T10:00:10.250Z',1,'2026-11-22T10:05:12.750Z','2026-11-22T10:00:13.000Z');
INSERT INTO "due" VALUES('d00000000000000000000000000000006','ionqyolpiric6','problem','opened',NULL,'dynatrace','2026-11-22T10:00:14.000Z',1,'2026-11-22T10:05:14.250Z',NULL);
INSERT INTO "due" VALUES('d00000000000000000000000000000007','ionqyolpiric6','timer','no_answer',NULL,'journal','2026-11-22T10:15:15.000Z',0,NULL,NULL);
INSERT INTO "due" VALUES('d00000000000000000000000000000008','injirayq63vsd','problem','opened',NULL,'dynatrace','2026-11-22T10:00:17.250Z',0,NULL,NULL);
INSERT INTO "due" VALUES('d00000000000000000000000000000009','injirayq63vsd','timer','no_answer',NULL,'journal','2026-11-22T10:15:18.000Z',0,NULL,NULL);
INSERT INTO "due" VALUES('d0000000000000000000000000000000a','injirayq63vsd','answer','process_restart','xmatters','answers','2026-11-22T10:00:19.000Z',0,NULL,NULL);
INSERT INTO "due" VALUES('d0000000000000000000000000000000b','ibckzuw6eflqu','problem','opened',NULL,'dynatrace','2026-11-22T10:00:21.750Z',0,NULL,NULL);
INSERT INTO "due" VALUES('d0000000000000000000000000000000c','ibckzuw6eflqu','timer','reconsider',NULL,'journal','2026-11-22T10:05:22.500Z',0,NULL,NULL);
INSERT INTO "due" VALUES('d0000000000000000000000000000000d','i43xqkzjpjfr6','problem','opened',NULL,'dynatrace','2026-11-22T10:00:23.750Z',0,NULL,NULL);
INSERT INTO "due" VALUES('d0000000000000000000000000000000e','i43xqkzjpjfr6','problem','updated',NULL,'dynatrace','2026-11-22T10:00:24.500Z',0,NULL,NULL);
INSERT INTO "due" VALUES('d0000000000000000000000000000000f','i6owtm3nfqojz','problem','opened',NULL,'dynatrace','2026-11-22T10:00:25.500Z',0,NULL,NULL);
INSERT INTO "due" VALUES('d00000000000000000000000000000010','i6owtm3nfqojz','problem','resolved',NULL,'dynatrace','2026-11-22T10:00:26.500Z',0,NULL,NULL);
INSERT INTO "due" VALUES('d00000000000000000000000000000011','i6owtm3nfqojz','problem','reopened',NULL,'dynatrace','2026-11-22T10:01:27.250Z',0,NULL,NULL);
INSERT INTO "due" VALUES('d00000000000000000000000000000012','i6owtm3nfqojz','problem','resolved',NULL,'dynatrace','2026-11-22T10:01:28.250Z',0,NULL,NULL);
INSERT INTO "due" VALUES('d00000000000000000000000000000013','isqmtf7xbx22u','problem','opened',NULL,'dynatrace','2026-11-22T10:01:29.250Z',0,NULL,NULL);
INSERT INTO "due" VALUES('d00000000000000000000000000000014','isqmtf7xbx22u','timer','no_answer',NULL,'journal','2026-11-22T10:16:30.000Z',0,NULL,NULL);
INSERT INTO "due" VALUES('d00000000000000000000000000000015','isqmtf7xbx22u','answer','late','xmatters','answers','2026-11-22T10:01:32.250Z',0,NULL,NULL);
CREATE TABLE tools (
	incident VARCHAR(13) NOT NULL,
	tool VARCHAR(255) NOT NULL,
	role TEXT NOT NULL,
	remote_id TEXT,
	url TEXT,
	state VARCHAR(16) NOT NULL,
	error TEXT,
	version INTEGER NOT NULL,
	details JSON NOT NULL,
	updated_at VARCHAR(24) NOT NULL,
	PRIMARY KEY (incident, tool),
	FOREIGN KEY(incident) REFERENCES incidents (id)
);
INSERT INTO "tools" VALUES('idzz67vvda5tf','jira','jira','OPS-1','https://jira.example/OPS-1','shown',NULL,20,'{}','2026-11-22T10:00:12.500Z');
INSERT INTO "tools" VALUES('idzz67vvda5tf','slack','slack','C01','https://slack.example/C01','shown',NULL,2,'{"responders": [{"name": "Ana Berg", "email": "ana@example.com"}]}','2026-11-22T10:00:04.000Z');
INSERT INTO "tools" VALUES('ionqyolpiric6','xmatters','xmatters','e-2','https://xmatters.example/e-2','shown',NULL,2,'{"responders": [{"name": "Bo", "email": null}]}','2026-11-22T10:00:16.000Z');
INSERT INTO "tools" VALUES('isqmtf7xbx22u','jira','jira',NULL,NULL,'failed','jira answered 503',0,'{}','2026-11-22T10:01:31.500Z');
CREATE TABLE leases (
	incident VARCHAR(13) NOT NULL,
	tool VARCHAR(255) NOT NULL,
	worker TEXT NOT NULL,
	until VARCHAR(24) NOT NULL,
	PRIMARY KEY (incident, tool),
	FOREIGN KEY(incident) REFERENCES incidents (id)
);
INSERT INTO "leases" VALUES('ionqyolpiric6','jira','runner-1:4712','2026-11-22T10:03:16.250Z');
INSERT INTO "leases" VALUES('injirayq63vsd','slack','runner-1:4713','2026-11-22T10:03:20.750Z');
CREATE TABLE attachments (
	incident VARCHAR(13) NOT NULL,
	name VARCHAR(255) NOT NULL,
	media_type VARCHAR(64) NOT NULL,
	sha256 VARCHAR(64) NOT NULL,
	content TEXT NOT NULL,
	at VARCHAR(24) NOT NULL,
	PRIMARY KEY (incident, name),
	FOREIGN KEY(incident) REFERENCES incidents (id)
);
INSERT INTO "attachments" VALUES('idzz67vvda5tf','transcript.md','text/markdown','df89ac132c77fd8799cc56f2b48de4946d5e3032affaefc169fd50aadf26f4e7','# Ärger im Shop

- Ana: it''s back; really
','2026-11-22T10:00:10.500Z');
INSERT INTO "attachments" VALUES('idzz67vvda5tf','log.txt','text/plain','44868f26172a0d45a3e6d5779de89da2572679cd221eb3d05ccd051f4ff1e067','line 1
line 2 {{ 7 * 7 }}
','2026-11-22T10:00:11.250Z');
CREATE INDEX incidents_by_state ON incidents (state);
CREATE INDEX incidents_by_time ON incidents (opened_at);
CREATE INDEX timeline_by_kind ON timeline (kind, at);
CREATE INDEX due_open ON due (settled_at, due_at);
COMMIT;
