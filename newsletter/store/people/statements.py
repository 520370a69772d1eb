"""The statements of a merge, in SQL that both databases read: merging.py runs them.

Those that write subscriptions are in subscribing.py.
"""

from newsletter.store.people.subscribing import IS_CHANGED, IS_KNOWN, STANDING

COUNT_SUPPRESSED = """
SELECT count(*) FROM refused
WHERE alone AND NOT EXISTS (SELECT 1 FROM suppressions AS p WHERE p.address = refused.key)
"""
DELETE_SUPPRESSED = """
DELETE FROM staged WHERE standing <> 'unsubscribed'
    AND key IN (SELECT address FROM suppressions UNION ALL SELECT key FROM refused)
    AND NOT EXISTS (SELECT 1 FROM facts WHERE facts.line = staged.line AND is_suppressed)
"""
FORMER = """
SELECT staged.line, staged.standing, s.address_key AS present
FROM former_addresses AS f
JOIN staged ON staged.key = f.address_key
LEFT JOIN subscribers AS s ON s.id = f.subscriber_id
WHERE NOT EXISTS (SELECT 1 FROM subscribers AS c WHERE c.address_key = staged.key)
"""
GIVE_TO_PRESENT = """
UPDATE staged SET key = :key
WHERE line = :line AND NOT EXISTS (
    SELECT 1 FROM staged AS s WHERE s.key = :key AND s.list = staged.list)
"""
# Who is there already, where they stand on the list, and what of name and attributes is new.
FIND_KNOWN = """
INSERT INTO known
SELECT staged.line, s.id, aims.list_id, x.status, staged.standing,
    CASE WHEN staged.standing <> 'unsubscribed' AND staged.name NOT IN ('', s.name)
        THEN staged.name END,
    CASE WHEN staged.standing <> 'unsubscribed' THEN {merged} END
FROM staged
JOIN subscribers AS s ON s.address_key = staged.key
LEFT JOIN aims ON aims.number = staged.list
LEFT JOIN subscriptions AS x ON x.list_id = aims.list_id AND x.subscriber_id = s.id
"""
# All; those who join; those whom the file takes off; those who had left; and those with something
# new of them.
COUNT_KNOWN = """
SELECT count(*) AS rows, count(*) FILTER (WHERE wanted = 'unsubscribed') AS saying_no,
    count(*) FILTER (WHERE standing IS NULL AND wanted IN ('confirmed', 'pending')) AS added,
    count(*) FILTER (WHERE wanted = 'unsubscribed' AND coalesce(standing, '') <> 'unsubscribed')
        AS leaving,
    count(*) FILTER (WHERE wanted <> 'unsubscribed' AND standing = 'unsubscribed') AS left_before,
    count(*) FILTER (
        WHERE (wanted <> 'unsubscribed' AND standing IN ('pending', 'confirmed')
                AND (name IS NOT NULL OR attributes IS NOT NULL))
            OR (standing = 'pending' AND wanted = 'confirmed')
            OR (wanted = '' AND (name IS NOT NULL OR attributes IS NOT NULL))) AS updated
FROM known
"""
COUNT_STAGED = """
SELECT standing, count(*) AS rows FROM staged GROUP BY standing
"""
IS_RENEWED = """subscribers.id = known.subscriber_id
    AND coalesce(known.standing, '') <> 'unsubscribed'
    AND (known.name IS NOT NULL OR known.attributes IS NOT NULL)"""
KEEP_PEOPLE = f"""
INSERT INTO import_people (import_id, subscriber_id, name, attributes, updated_at)
SELECT :import, id, subscribers.name, subscribers.attributes, updated_at
FROM known CROSS JOIN subscribers WHERE {IS_RENEWED}
ON CONFLICT DO NOTHING
"""
UPDATE_PEOPLE = f"""
UPDATE subscribers SET name = coalesce(known.name, subscribers.name),
    attributes = coalesce(known.attributes, subscribers.attributes), updated_at = :now
FROM known WHERE {IS_RENEWED}
"""
# Whom an earlier import took off, or made as somebody who left: its undoing could bring them back.
IS_SAID_AGAIN = f"""{IS_KNOWN}
    AND subscriptions.status = 'unsubscribed' AND known.wanted = 'unsubscribed'
    AND EXISTS (SELECT 1 FROM imports AS i WHERE i.at = subscriptions.updated_at
        AND (i.id = subscriptions.import_id OR EXISTS (
            SELECT 1 FROM import_changes AS c WHERE c.import_id = i.id
                AND c.list_id = subscriptions.list_id
                AND c.subscriber_id = subscriptions.subscriber_id)))"""
SAY_AGAIN = f"UPDATE subscriptions SET updated_at = :now FROM known WHERE {IS_SAID_AGAIN}"
# In the order in which those who leave hold their rows, or the two could wait for each other.
HOLD_CHANGING = f"""
SELECT count(*) FROM (
    SELECT 1 FROM subscriptions
    JOIN known ON subscriptions.list_id = known.list_id
        AND subscriptions.subscriber_id = known.subscriber_id
        AND ({IS_CHANGED} OR {IS_SAID_AGAIN})
    ORDER BY subscriptions.list_id, subscriptions.subscriber_id
    FOR UPDATE OF subscriptions
) AS held
"""
KEEP_SUBSCRIPTIONS = f"""
INSERT INTO import_changes (import_id, list_id, subscriber_id, {STANDING})
SELECT :import, subscriptions.list_id, subscriptions.subscriber_id, {STANDING}
FROM known JOIN subscriptions ON {IS_CHANGED}
"""
# The yes of somebody who leaves, where it stands in the subscription alone.
LOG_EARLIER = """
INSERT INTO consents (subscriber_id, list_id, at, kind, how, source, ip, import_id)
SELECT x.subscriber_id, x.list_id, x.consent_at,
    CASE x.status WHEN 'pending' THEN 'requested' ELSE 'confirmed' END,
    x.consent_how, x.consent_source, x.consent_ip, :import
FROM import_changes AS x
JOIN known ON known.subscriber_id = x.subscriber_id AND known.list_id = x.list_id
WHERE x.import_id = :import AND known.wanted = 'unsubscribed' AND NOT EXISTS (
    SELECT 1 FROM consents AS c WHERE c.subscriber_id = x.subscriber_id
        AND c.list_id = x.list_id AND c.at = x.consent_at)
"""
LOG_LEAVING = """
INSERT INTO consents (subscriber_id, list_id, at, kind, how, source, import_id)
SELECT known.subscriber_id, known.list_id, :now, 'unsubscribed', :how,
    coalesce(facts.consent_source, :source), :import
FROM known LEFT JOIN facts ON facts.line = known.line
WHERE known.wanted = 'unsubscribed' AND NOT EXISTS (
    SELECT 1 FROM subscriptions AS x WHERE x.list_id = known.list_id
        AND x.subscriber_id = known.subscriber_id AND x.status = 'unsubscribed')
"""
LAST_PERSON = "SELECT coalesce(max(id), 0) FROM subscribers"
# As newsletter.store.people.people makes them: at random, from 1 to 2 ** 47.
LINK_KEYS = {
    "sqlite": "(random() & 140737488355327) + 1",
    "postgresql": "(random() * 140737488355327)::bigint + 1",
}
# A person on several lists has several rows: the first makes them.
INSERT_PEOPLE = """
INSERT INTO subscribers (address, address_key, name, attributes, created_at, updated_at, link_key)
SELECT address, key, name, coalesce(attributes, '{{}}'), :now, :now, {link_key}
FROM staged
WHERE {whose}
ORDER BY {order}
"""
HAS_FACTS = "EXISTS (SELECT 1 FROM facts WHERE facts.line = staged.line)"
IS_NOT_KNOWN = "NOT EXISTS (SELECT 1 FROM known WHERE known.line = staged.line)"
LOG_NEWLY_LEFT = """
INSERT INTO consents (subscriber_id, list_id, at, kind, how, source, import_id)
SELECT id, :list, :now, 'unsubscribed', :how, :source, :import
FROM subscribers WHERE id > :last ORDER BY id
"""
NEW_EACH = f"""FROM facts
JOIN staged ON staged.line = facts.line
JOIN subscribers AS s ON s.address_key = staged.key
JOIN aims ON aims.number = staged.list
WHERE staged.standing <> '' AND {IS_NOT_KNOWN}"""
LOG_NEWLY_LEFT_EACH = f"""
INSERT INTO consents (subscriber_id, list_id, at, kind, how, source, import_id)
SELECT s.id, aims.list_id, coalesce(facts.left_at, :now), 'unsubscribed', :how,
    coalesce(facts.consent_source, :source), :import
{NEW_EACH} AND staged.standing = 'unsubscribed' AND NOT EXISTS (
    SELECT 1 FROM said WHERE said.line = staged.line AND said.kind = 'unsubscribed')
"""
# What a row brings of the consent log, where it made the person or let them join.
LOG_SAID = """
INSERT INTO consents (subscriber_id, list_id, at, kind, how, source, wording, ip, detail, import_id)
SELECT s.id, CASE WHEN NOT said.is_personal THEN aims.list_id END, said.at, said.kind, said.how,
    said.source, said.wording, said.ip, said.detail, :import
FROM said
JOIN staged ON staged.line = said.line
JOIN subscribers AS s ON s.address_key = staged.key
LEFT JOIN aims ON aims.number = staged.list
WHERE CASE WHEN said.is_personal THEN s.created_at = :now ELSE EXISTS (
    SELECT 1 FROM subscriptions AS x WHERE x.list_id = aims.list_id
        AND x.subscriber_id = s.id AND x.import_id = :import) END
ORDER BY said.at, said.line
"""
# Only of people who are new.
PAUSE = """
UPDATE subscribers SET paused_until = pauses.until
FROM pauses JOIN staged ON staged.line = pauses.line
WHERE subscribers.address_key = staged.key AND subscribers.created_at = :now
"""
FORMER_OF_NEW = """
SELECT s.id, former.address, former.until
FROM former JOIN staged ON staged.line = former.line
JOIN subscribers AS s ON s.address_key = staged.key
WHERE s.created_at = :now ORDER BY former.until, former.line
"""
