-- Rights of users beyond their role.
ALTER TABLE costwire.users ADD COLUMN rights VARCHAR;
COMMENT ON COLUMN costwire.users.rights IS 'JSON: which tables are read and written (null: all), and the condition of the rows that are seen';
