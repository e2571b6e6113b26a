create table projects (org_id int, no int, workspace_id int, primary key (org_id, no));
create table documents (id int primary key, org_id int, project_no int, workspace_id int);

insert into projects values (1, 1, 10), (1, 2, 20), (2, 1, 30), (1, 9, null);
insert into documents values
  (1, 1, 1, 10), -- agrees
  (2, 1, 2, 20), -- agrees; joined by half of the key it would not
  (3, 2, 1, 10), -- different
  (4, 1, 1, 30), -- different
  (5, 1, 1, null), -- child_null
  (6, 1, 9, 10), -- parent_null
  (7, 1, 9, null), -- both are NULL: they agree
  (8, 7, 7, 10), -- orphan
  (9, 1, null, 10), -- no_link: half of a key links to nothing
  (10, null, null, null); -- no_link
