create table projects (org_id int, no int, workspace_id int, primary key (org_id, no));
create table documents (id int primary key, org_id int, project_no int, workspace_id int);

insert into projects values (1, 1, 10), (2, 1, 20), (3, 1, null);
insert into documents values (1, 1, 1, 10), (2, 2, 1, 20), (3, 3, 1, null), (4, null, 1, 10);
